// The Runs page takes a bundle that is dropped on it.
import { dropping, leadsTo, refusal, sending, sent } from './bundlefile.js';

/** A bundle dropped on the page becomes runs here; what is wrong with one is said in one line above the list. */
export function takesBundles(box) {
  const said = box.querySelector('[data-words]');
  const say = (text, level) => {
    box.className = `banner ${level} bundle-say`;
    box.setAttribute('role', level === 'fail' ? 'alert' : 'status');
    said.textContent = text;
    box.hidden = false;
  };
  dropping(document.body, async (file) => {
    const wrong = refusal(file, Number(box.dataset.limit));
    if (wrong) return say(wrong, 'fail');
    box.dataset.opening = '1'; // an empty page that looks for its first run waits with its own reload
    try {
      const answer = await sent(`/api/bundles?name=${encodeURIComponent(file.name)}`, file, (share) => say(`${file.name}. ${sending(share)}`, 'info'));
      location.assign(leadsTo(JSON.parse(answer).runs));
    } catch (problem) {
      delete box.dataset.opening;
      say(problem.message, 'fail');
    }
  });
}
