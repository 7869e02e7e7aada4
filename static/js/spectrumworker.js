// The worker that looks at sounds: keeps their samples by key, and answers requests one by one.
import { delay, levels, octaves, routed } from './dsp.js';

const sounds = new Map(); // key → {channels, rate}

const WORK = {
  keep: ({ key, channels, rate }) => void sounds.set(key, { channels, rate }),
  forget: ({ key }) => void sounds.delete(key),
  levels: ({ key, channel, ...view }) => levels(routed(sounds.get(key).channels, channel), { ...view, rate: sounds.get(key).rate }),
  delay: ({ base, late }) => delay(base, late),
  octaves: ({ key, channel, centres }) => octaves(routed(sounds.get(key).channels, channel), sounds.get(key).rate, centres),
};

if (typeof self !== 'undefined' && typeof document === 'undefined') {
  self.onmessage = ({ data: { id, task, ...asked } }) => {
    try {
      const began = performance.now();
      const result = WORK[task](asked);
      self.postMessage({ id, result, ms: performance.now() - began }, result?.buffer ? [result.buffer] : []);
    } catch (problem) {
      self.postMessage({ id, problem: String(problem?.message ?? problem) });
    }
  };
}
