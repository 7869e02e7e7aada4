// Sounds by address, decoded once: an address is its digest, so what is kept never goes stale.
import { bytesOf, Kept } from './spectra.js';

const LIMIT_BYTES = 256 * 1024 * 1024;
const decoded = new Kept(LIMIT_BYTES);

/** The rate at which sounds of these rates are decoded together: the highest, so that none loses anything; 8 to 192 kHz, as browsers have it. */
export function commonRate(rates) {
  const usable = rates.map(Number).filter((r) => r > 0 && Number.isFinite(r));
  return usable.length ? Math.min(192_000, Math.max(8000, ...usable)) : 44100;
}

/** The sound of an address at a rate, as a promise of an AudioBuffer; sounds of other rates are resampled to it. */
export function fetched(url, rate = 44100) {
  const at = commonRate([rate]);
  const key = `${url}|${at}`;
  const known = decoded.get(key);
  if (known) return known;
  const sound = read(url, at);
  decoded.put(key, sound, 0);
  sound.then(
    (buffer) => decoded.put(key, sound, bytesOf(buffer)),
    () => decoded.drop(key),
  );
  return sound;
}

async function read(url, rate) {
  const answer = await fetch(url, { credentials: 'same-origin' });
  if (answer.status === 404) throw new Error('its bytes are not on the server');
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const bytes = await answer.arrayBuffer();
  const size = bytes.byteLength; // decoding takes the bytes away
  try {
    return await new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes);
  } catch {
    throw new Error(`the browser cannot decode it (${size.toLocaleString('en')} bytes of ${answer.headers.get('Content-Type') || 'unknown type'})`);
  }
}
