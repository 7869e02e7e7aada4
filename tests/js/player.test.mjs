import assert from 'node:assert/strict';
import test from 'node:test';
import { fade, FADE_S, peaks, Player, position } from '../../static/js/player.js';

const RATE = 8000;

/** An audio context that notes what is scheduled; time goes by when the test says so. */
class Context {
  constructor(sampleRate) {
    Object.assign(this, { sampleRate, currentTime: 1, started: [], destination: {} });
  }

  resume() {}

  createGain() {
    const events = [];
    const gain = {
      value: 1,
      events,
      cancelAndHoldAtTime: (at) => events.push(['hold', at]),
      setValueAtTime: (v, at) => void (events.push(['set', v, at]), (gain.value = v)),
      linearRampToValueAtTime: (v, at) => void (events.push(['ramp', v, at]), (gain.value = v)),
      setTargetAtTime: (v, at) => void (events.push(['target', v, at]), (gain.value = v)),
    };
    return { gain, connect() {}, disconnect() {} };
  }

  createChannelSplitter() {
    return { connect() {} };
  }

  createChannelMerger() {
    return { connect() {} };
  }

  createBuffer(numberOfChannels, length, sampleRate) {
    return sound(length / sampleRate, numberOfChannels);
  }

  createBufferSource() {
    const node = { connect() {}, start: (when, offset) => Object.assign(node, { when, offset }), stop: (at) => (node.stopped = at) };
    this.started.push(node);
    return node;
  }
}

const sound = (seconds, channels = 1) => ({
  duration: seconds,
  length: Math.round(seconds * RATE),
  sampleRate: RATE,
  numberOfChannels: channels,
  getChannelData: () => new Float32Array(Math.round(seconds * RATE)),
  copyToChannel() {},
});

async function playing(lengths = { R: 2, A: 2, B: 2 }) {
  const player = new Player({ make: (rate) => new Context(rate) });
  player.load(Object.fromEntries(Object.entries(lengths).map(([k, s]) => [k, sound(s)])));
  await player.play();
  clearTimeout(player.timer);
  return player;
}

const ended = (player) => {
  player.pause();
  clearTimeout(player.timer);
};

test('the clock stops at the end of a clip without a loop', () => {
  assert.equal(position(0.5, 0.25, 2), 0.75);
  assert.equal(position(0.5, 9, 2), 2);
  assert.equal(position(0.5, -0.02, 2), 0.5);
});

test('the clock goes round in a loop, and runs into it from before', () => {
  assert.equal(position(0, 0.5, 2, [1, 1.5]), 0.5);
  assert.ok(Math.abs(position(0, 1.6, 2, [1, 1.5]) - 1.1) < 1e-9);
  assert.ok(Math.abs(position(1.2, 10, 2, [1, 1.5]) - 1.2) < 1e-9);
  assert.equal(position(0.2, 0.1, 2, [1, 1]), 0.2 + 0.1);
});

test('a fade holds what is, and ramps from there', () => {
  const { gain } = new Context(RATE).createGain();
  fade(gain, 0.25, 1, 3);
  assert.deepEqual(gain.events, [['hold', 3], ['set', 0.25, 3], ['ramp', 1, 3 + FADE_S]]);
  const calls = [];
  const old = { cancelScheduledValues: (at) => calls.push(at), setValueAtTime() {}, linearRampToValueAtTime() {} };
  fade(old, 1, 0, 4);
  assert.deepEqual(calls, [4]);
});

test('all sources start at one frame, whole frames into the clip', async () => {
  const player = await playing();
  const nodes = player.context.started;
  assert.equal(new Set(nodes.map((n) => n.when)).size, 1);
  assert.ok(nodes[0].when > player.context.currentTime);
  assert.ok(Math.abs(nodes[0].when * RATE - Math.round(nodes[0].when * RATE)) < 1e-6);
  player.seek(0.77777);
  const { offset } = player.context.started.at(-1);
  assert.ok(Math.abs(offset * RATE - Math.round(offset * RATE)) < 1e-6);
  ended(player);
});

test('where the machine was too busy to begin together, all begin again', async () => {
  const player = await playing();
  const { context } = player;
  let late = true;
  const make = context.createBufferSource.bind(context);
  context.createBufferSource = () => {
    const node = make();
    const start = node.start;
    node.start = (when, offset) => {
      start(when, offset);
      if (late) context.currentTime = when + 0.1; // the graph has gone on past the instant meanwhile
      late = false;
    };
    return node;
  };
  const count = context.started.length;
  player.seek(1);
  clearTimeout(player.timer);
  assert.equal(context.started.length, count + 6);
  const fresh = context.started.slice(-3);
  assert.equal(new Set(fresh.map((n) => n.when)).size, 1);
  assert.ok(fresh[0].when > context.currentTime);
  ended(player);
});

test('switching crosses two gains over the same 10 ms and starts nothing', async () => {
  const player = await playing();
  assert.equal(player.chosen, 'R');
  const count = player.context.started.length;
  player.context.currentTime = 1.5;
  const [from, to] = ['R', 'B'].map((k) => player.tracks.get(k).gain.gain);
  assert.equal(player.choose('B'), true);
  assert.equal(player.context.started.length, count);
  const [down, up] = [from.events.slice(-2), to.events.slice(-2)];
  assert.deepEqual([down[0][1], down[1][1], up[0][1], up[1][1]], [1, 0, 0, 1]);
  assert.deepEqual([down[0][2], down[1][2]], [up[0][2], up[1][2]]);
  assert.ok(Math.abs(up[1][2] - up[0][2] - FADE_S) < 1e-12);
  assert.ok(up[1][2] - 1.5 <= 0.02, 'heard within 20 ms');
  assert.equal(player.choose('Z'), false);
  player.swap();
  assert.equal(player.chosen, 'R');
  ended(player);
});

test('other takes come in at the instant at which the old ones leave', async () => {
  const player = await playing();
  const old = player.context.started.slice(-3);
  player.context.currentTime = 1.63;
  player.load({ R: sound(2), A: sound(2), B: sound(2) });
  clearTimeout(player.timer);
  const fresh = player.context.started.slice(-3);
  const when = fresh[0].when;
  assert.ok(old.every((n) => Math.abs(n.stopped - (when + FADE_S)) < 1e-9));
  const at = old[0].offset + (when - old[0].when);
  assert.ok(fresh.every((n) => Math.abs(n.offset - at) <= 0.5 / RATE), `${fresh[0].offset} ${at}`);
  assert.equal(player.playing, true);
  ended(player);
});

test('the same sounds again start nothing; their levels change by a fade', async () => {
  const player = await playing();
  const buffers = Object.fromEntries([...player.tracks].map(([k, t]) => [k, t.buffer]));
  const count = player.context.started.length;
  player.load(buffers, { R: 0.5 });
  assert.equal(player.context.started.length, count);
  assert.deepEqual(player.tracks.get('R').gain.gain.events.at(-1).slice(0, 2), ['ramp', 0.5]);
  ended(player);
});

test('a loop: what lies past its end begins at its start, and the clock was counted under the old one', async () => {
  const player = await playing();
  player.context.currentTime = player.began + 1.8;
  player.repeat(true, [0.5, 1]);
  clearTimeout(player.timer);
  const node = player.context.started.at(-1);
  assert.deepEqual([node.loop, node.loopStart, node.loopEnd, node.offset], [true, 0.5, 1, 0.5]);
  player.context.currentTime = player.began + 0.7;
  assert.ok(Math.abs(player.currentTime - 0.7) < 1e-9);
  player.repeat(false);
  clearTimeout(player.timer);
  const moved = player.context.started.at(-1);
  assert.ok(Math.abs(moved.offset - (0.7 + (moved.when - player.context.currentTime))) <= 1 / RATE);
  player.repeat(true, [1, 1.001]);
  assert.deepEqual(player.window, [0, 2], 'too short a stretch is none: the whole repeats');
  ended(player);
});

test('what is heard lags the graph by the device', async () => {
  const player = await playing();
  player.context.outputLatency = 0.04;
  player.context.currentTime = player.began + 1;
  assert.ok(Math.abs(player.currentTime - player.heardTime - 0.04) < 1e-9);
  ended(player);
  assert.ok(Math.abs(player.offset - 0.96) < 1e-9);
});

test('channels are routed, and another rate has another context', async () => {
  const player = await playing();
  player.route('side');
  assert.deepEqual(player.cross.map((ear) => ear.map((g) => g.value)), [[0.5, -0.5], [0.5, -0.5]]);
  player.route('nonsense');
  assert.equal(player.channel, 'both');
  const first = player.context;
  player.load({ A: { ...sound(1), sampleRate: 16000 } });
  assert.equal(player.playing, false);
  await player.play();
  clearTimeout(player.timer);
  assert.notEqual(player.context, first);
  assert.equal(player.context.sampleRate, 16000);
  ended(player);
});

test('no peak is lost, whatever the width; a part is drawn from its own samples', () => {
  const wave = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i / 7));
  wave[501] = 1.75;
  wave[502] = -1.5;
  for (const width of [3, 64, 999, 1000, 2500]) {
    const [lows, highs] = peaks(wave, width);
    assert.equal(Math.max(...highs), 1.75);
    assert.equal(Math.min(...lows), -1.5);
  }
  assert.deepEqual([...peaks(new Float32Array(0), 2)[1]], [0, 0]);
  assert.equal(Math.max(...peaks(wave, 10, 500, 510)[1]), 1.75);
  assert.ok(Math.max(...peaks(wave, 10, 510, 900)[1]) <= 1);
  assert.deepEqual([...peaks(wave, 4, 900, 1300)[1]].slice(1), [0, 0, 0]);
});
