// A bundle that was chosen or dropped: what keeps it from being sent, its way to the server, and the page's edge while
// a file hovers over it. Used by Bundles, Runs and Doctor.
import { count } from './words.js';

export const SUFFIX = '.zip';

/** What keeps a bundle from being sent, in words; "" where nothing does. */
export function refusal(file, limit) {
  if (!file) return 'No file was chosen. Choose a bundle.';
  if (!isBundle(file)) return `${file.name} is no bundle: its name does not end in ${SUFFIX}. nashboard pack makes one.`;
  if (!file.size) return `${file.name} is empty. Pack it again.`;
  return file.size > limit ? `${file.name} has ${count(file.size)} bytes; the limit is ${count(limit)}. Nothing was sent.` : '';
}

/** Whether a file's name is a bundle's. */
export const isBundle = (file) => file.name.toLowerCase().endsWith(SUFFIX);

/** Where an opened bundle leads: to its run, or to all of them beside one another. */
export function leadsTo(runs) {
  const ids = runs.map((run) => encodeURIComponent(run.id));
  return ids.length === 1 ? `/runs/${ids[0]}` : `/compare?runs=${ids.join(',')}`;
}

/** What an answer says went wrong: the server's own line, or its status. */
export function problemOf(status, text) {
  try {
    return JSON.parse(text).error.message || `The server answered ${status}.`;
  } catch {
    return `The server answered ${status}. The bundle was not opened.`;
  }
}

/** Send a file as it lies on the disk. `onShare` hears the share that is sent, 0 to 1. Throws an Error in words. */
export function sent(path, file, onShare = () => {}, accept = 'application/json') {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.upload.addEventListener('progress', (e) => onShare(e.lengthComputable ? e.loaded / e.total : 0));
    request.addEventListener('load', () => (request.status === 200 ? done(request.responseText) : fail(new Error(problemOf(request.status, request.responseText)))));
    request.addEventListener('error', () => fail(new Error('The server did not answer. The bundle was not opened.')));
    request.open('POST', path);
    request.setRequestHeader('Content-Type', 'application/zip');
    request.setRequestHeader('Accept', accept);
    request.send(file);
  });
}

/** Words for a share that is sent. */
export function sending(share) {
  return share < 1 ? `Sending, ${Math.floor(100 * share)} %` : 'Opening …';
}

/** Calls `take` with a file dropped anywhere on the page; `zone` has the class "over" while one hovers. */
export function dropping(zone, take) {
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
  document.addEventListener('dragover', (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    zone.classList.add('over');
  });
  document.addEventListener('dragleave', (event) => event.relatedTarget || zone.classList.remove('over'));
  document.addEventListener('drop', (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    zone.classList.remove('over');
    take(event.dataTransfer.files[0]);
  });
}
