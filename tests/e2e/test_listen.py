"""Listening as the audio graph has it: a switch that misses no sample, and a difference spectrogram of a known tone."""

from __future__ import annotations

import math
from array import array
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import nashboard
from tests.e2e.support import Product, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RATE = 16000
SECONDS = 6
LOW, RISE = 0.25, 0.5  # a source's sample at position p of the clip is ±(0.25 + 0.5 p / length)
TAP = """
class Tap extends AudioWorkletProcessor {
  constructor() { super(); this.block = new Float32Array(16384); this.at = 0; }
  process([[samples]]) {
    for (let i = 0; i < 128; i++) {
      this.block[this.at++] = samples ? samples[i] : 0;
      if (this.at === this.block.length) { this.port.postMessage(this.block.slice()); this.at = 0; }
    }
    return true;
  }
}
registerProcessor('tap', Tap);
"""
RECORD = """async (source) => {
  const { player } = nashboard;
  player.make = (sampleRate) => new AudioContext({ sampleRate });
  await player.play();
  await player.context.audioWorklet.addModule(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
  const wait = (ms) => new Promise((go) => setTimeout(go, ms));
  player.pause();
  await wait(300); // the tail of this first play is no part of what is measured
  player.seek(0.2);
  window.heard = [];
  const tap = new AudioWorkletNode(player.context, 'tap', { channelCount: 1, channelCountMode: 'explicit' });
  tap.port.onmessage = ({ data }) => window.heard.push(...data);
  player.output.connect(tap);
  await player.play();
  for (const key of ['A', 'R', 'A']) { await wait(450); document.querySelector(`#sources [data-source="${key}"]`).click(); }
  await wait(1600);
  player.pause();
  return window.heard;
}"""


def tone(hz: float, amplitude: float) -> array[float]:
    return array("f", [amplitude * math.sin(2 * math.pi * hz * i / RATE) for i in range(2 * RATE)])


def made(
    product: Product, folder: Path, name: str, slots: dict[str, tuple[array[float], array[float]]]
) -> str:
    """A run by the SDK with a reference and a reconstruction a slot, at two steps."""
    run = nashboard.init(project="listen", name=name, dir=folder / name, url=product.address)
    for step in (10, 20):
        run.log({"progress/epoch": step / 10}, step=step)
        for slot, (reference, wave) in slots.items():
            run.audio("reference", reference, rate_hz=RATE, step=step, slot=slot)
            run.audio("reconstruction", wave, rate_hz=RATE, step=step, slot=slot)
    run.finish()
    return run.id


def opened(page: Page, product: Product, run: str, more: str = "") -> None:
    page.goto(f"{product.address}/listen?runs={run}{more}")
    until(
        lambda: page.evaluate("() => (nashboard.listen?.player.tracks.size ?? 0) >= 2"), 30, product, "sound"
    )
    until(lambda: page.evaluate("() => nashboard.listen.lanes.lastMs > 0"), 30, product, "a picture")


def test_switching_stays_at_the_same_sample(browser: Browser, product: Product, tmp_path: Path) -> None:
    ramp = [LOW + RISE * i / (RATE * SECONDS) for i in range(RATE * SECONDS)]
    up, down = array("f", ramp), array("f", [-v for v in ramp])
    run = made(product, tmp_path, "ramps", {"ramp": (up, down)})

    for attempt in range(
        4
    ):  # a busy machine starves the audio thread and leaves holes; the player makes none
        context = browser.new_context(
            bypass_csp=True
        )  # for the tap alone, whose script is no file of the product
        page = context.new_page()
        opened(page, product, run)
        signs, worst, fades, silent = told(page.evaluate(RECORD, TAP))
        context.close()
        print(
            f"\nattempt {attempt + 1}: switches heard: {len(signs) - 1}; position error at most {worst:.3f} ms; "
            f"crossfades {', '.join(f'{1000 * f / RATE:.1f}' for f in fades)} ms; "
            f"longest silence {1000 * silent / RATE:.3f} ms"
        )
        if signs == [1, -1, 1, -1] and worst <= 0.5 and len(fades) == 3:
            break
    assert signs == [1, -1, 1, -1], "reference, run, reference, run"
    assert worst <= 0.5, "after every switch the clip goes on where it was"
    assert len(fades) == 3
    assert all(f <= 0.012 * RATE for f in fades), "10 ms of crossfade and no more"
    assert silent <= 2, "the crossfade passes zero, nothing is silent"


def told(heard: list[float]) -> tuple[list[float], float, list[int], int]:
    """(whose samples in which order, worst error of position in ms, lengths of crossfades, longest silence).

    Every sample's size says where in the clip it is, its sign says whose it is; a crossfade is what lies between.
    """

    def place(v: float) -> float:
        return (abs(v) - LOW) / RISE * RATE * SECONDS

    first = next(i for i, v in enumerate(heard) if v > LOW) + int(0.02 * RATE)  # past the fade-in
    origin = place(heard[first]) - first
    last = max(i for i, v in enumerate(heard) if abs(v) > LOW) - int(0.03 * RATE)
    errors: list[float] = [0.0]
    fades: list[int] = []
    signs: list[float] = []
    fade = 0
    for i in range(first, last):
        off = place(heard[i]) - (origin + i)
        if abs(off) < 8:
            errors.append(abs(off))
            if fade:
                fades.append(fade)
            fade = 0
            sign = math.copysign(1, heard[i])
            if not signs or signs[-1] != sign:
                signs.append(sign)
        else:
            fade += 1
    return signs, 1000 * max(errors) / RATE, fades, longest_silence(heard[first:last])


def longest_silence(samples: list[float]) -> int:
    longest = now = 0
    for v in samples:
        now = now + 1 if abs(v) < 1e-4 else 0
        longest = max(longest, now)
    return longest


def test_the_difference_of_a_known_tone(page: Page, product: Product, tmp_path: Path) -> None:
    late = array("f", bytes(4 * 40)) + tone(2000, 0.25)
    run = made(
        product,
        tmp_path,
        "tones",
        {"half": (tone(1000, 0.5), tone(1000, 0.25)), "later": (tone(2000, 0.5), late)},
    )
    opened(page, product, run, "&slot=half&hear=A&freq=linear")
    for axis in ("linear", "mel", "log"):
        page.locator(f"[data-set='freq'][data-value='{axis}']").click()
        until(lambda a=axis: page.evaluate(LOUDEST)["axis"] == a, 20, product, f"the {axis} axis")
        seen = page.evaluate(LOUDEST)
        print(
            f"\n{axis}: loudest at {seen['hz']:.0f} Hz, {seen['level']:.2f} dBFS; difference there {seen['apart']:.2f} dB"
        )
        assert abs(seen["hz"] - 1000) <= seen["row"] + RATE / 512
        assert abs(seen["level"] + 12.04) <= (3.1 if axis == "mel" else 0.4)
        assert abs(seen["apart"] + 6.02) <= 0.05
        assert seen["colour"][2] > seen["colour"][0] + 20, "less than the reference is blue"
    # told where the pointer is, and for the keyboard
    box = page.locator("[data-lane='difference'] .cv").bounding_box()
    assert box
    share = page.evaluate("async () => (await import('/static/js/dsp.js')).placeOf(1000, 'log', 8000)")
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * (1 - share))
    told = page.locator("[data-lane='difference'] .readout").inner_text()
    assert told.endswith(": −6.0 dB"), told
    page.locator("[data-lane='R'] .cv").focus()
    page.keyboard.press("ArrowUp")
    assert "dBFS" in (page.locator("[data-lane='R'] .cv").get_attribute("aria-valuetext") or "")


LOUDEST = """() => {
  const { listen } = nashboard;
  const [run, apart] = [listen.lanes.picture('A'), listen.lanes.picture('difference')];
  if (!run || !apart) return { axis: '' };
  const column = Math.floor(run.columns / 2);
  const levels = run.levels.subarray(column * run.rows, (column + 1) * run.rows);
  const at = levels.indexOf(Math.max(...levels));
  const { scale, top, rows } = run;
  const pen = document.querySelector('[data-lane="difference"] .cv canvas').getContext('2d');
  const hz = (share) => scale === 'linear' ? share * top : scale === 'log' ? 60 * (top / 60) ** share
    : 700 * (10 ** ((share * 2595 * Math.log10(1 + top / 700)) / 2595) - 1);
  const row = Math.floor(((at + 0.5) / rows) * apart.rows);
  const c = Math.floor(apart.columns / 2);
  const pixel = pen.getImageData(c, apart.rows - 1 - row, 1, 1).data;
  return { axis: apart.scale, hz: hz((at + 0.5) / rows), row: hz((at + 1) / rows) - hz(at / rows), level: levels[at],
    apart: apart.levels[c * apart.rows + row], colour: [...pixel] };
}"""


def test_ten_seconds_are_drawn_in_less_than_300_ms(page: Page, product: Product, tmp_path: Path) -> None:
    run = made(product, tmp_path, "speed", {"one": (tone(500, 0.4), tone(500, 0.2))})
    opened(page, product, run)
    took = page.evaluate(DRAWN_MS)
    print(f"\n10 s at 44.1 kHz, 900 x 84 pixels: {', '.join(f'{ms:.0f}' for ms in took)} ms")
    assert min(took) < 300, "other work on the machine may slow one, not each"


DRAWN_MS = """async () => {
  const { levels } = await import('/static/js/dsp.js');
  const { draw, ramp } = await import('/static/js/spectrogram.js');
  const sound = Float32Array.from({ length: 441000 }, (_, i) => 0.3 * Math.sin(i * i * 1e-6));
  const colours = ramp(['rgb(255,255,255)', 'rgb(0,0,0)']);
  const canvas = document.createElement('canvas');
  const view = { rate: 44100, from: 0, to: 10, columns: 900, rows: 84, size: 2048 };
  const took = [];
  for (let n = 0; n < 5; n++) {
    const began = performance.now();
    draw(canvas, levels([sound], view), 900, 84, colours, -72, 0);
    took.push(performance.now() - began);
  }
  return took;
}"""


def test_a_view_is_an_address_and_keys_do_it_all(page: Page, product: Product, tmp_path: Path) -> None:
    late = array("f", bytes(4 * 40)) + tone(2000, 0.25)
    run = made(
        product, tmp_path, "keys", {"one": (tone(500, 0.4), tone(500, 0.2)), "two": (tone(700, 0.4), late)}
    )
    opened(page, product, run)
    page.keyboard.press("a")
    page.keyboard.press("m")
    assert page.evaluate("() => nashboard.listen.gains.gains.A") == pytest.approx(6.02, abs=0.05)
    assert "Loudness matched" in page.locator("#levelling").inner_text()
    page.keyboard.press("j")
    until(lambda: "epoch=1" in page.url, 10, product, "an epoch back")
    page.keyboard.press("+")
    page.keyboard.press("[")
    page.keyboard.press("l")
    page.locator("[data-row='A'] [data-act='changed']").click()
    until(lambda: "against=A@20" in page.url, 10, product, "two epochs of one run")
    address = page.url
    page.reload()
    until(
        lambda: page.evaluate("() => (nashboard.listen?.sources.length ?? 0) === 3"),
        20,
        product,
        "the same view",
    )
    assert page.url == address
    assert page.locator("#moment-value").inner_text() == "1"
    assert page.locator("[data-value='matched']").get_attribute("aria-pressed") == "true"
    assert page.locator("#base").input_value() == "A@20"
    page.go_back()
    page.keyboard.press("0")
    until(lambda: "span" not in page.url, 10, product, "all of it shows")
