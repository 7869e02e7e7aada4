// The Bundles page: a file is sent as it lies on the disk, with its share told, and what became of it is shown.
import { dropping, leadsTo, refusal, sending, sent } from './bundlefile.js';

/** The lines of an answer: [words, run or null] each. */
export function linesOf(answer) {
  return [...answer.runs.map((run) => [run.words, run]), ...answer.notes.map((note) => [note, null])];
}

/** What the button below an opened bundle says. */
export function further(runs) {
  return runs.length > 1 ? `Compare the ${runs.length} runs` : 'Look at it';
}

function start() {
  const form = document.getElementById('drop');
  const shown = document.getElementById('opened');
  const button = document.getElementById('open');
  const make = (tag, className, text = '') => Object.assign(document.createElement(tag), { className, textContent: text });

  const show = (...parts) => {
    shown.replaceChildren(...parts);
    shown.hidden = false;
  };

  function fail(text) {
    const box = make('div', 'find fail');
    box.setAttribute('role', 'alert');
    box.append(make('p', 'claim-text', text));
    show(box);
  }

  function opened(answer) {
    const list = make('ul', 'choose');
    for (const [text, run] of linesOf(answer)) {
      const words = make('span', 'grow', `${text} `);
      if (run) words.append(Object.assign(make('a', '', run.name || run.id), { href: leadsTo([run]) }));
      const li = make('li', '');
      li.append(words);
      list.append(li);
    }
    const foot = make('p', 'pad row');
    foot.append(Object.assign(make('a', 'btn', further(answer.runs)), { href: leadsTo(answer.runs) }));
    show(list, foot);
  }

  async function send(file) {
    const wrong = refusal(file, Number(form.dataset.limit));
    if (wrong) return fail(wrong);
    button.disabled = true;
    try {
      const told = (share) => (button.textContent = sending(share));
      opened(JSON.parse(await sent(`/api/bundles?name=${encodeURIComponent(file.name)}`, file, told)));
    } catch (problem) {
      fail(problem.message);
    } finally {
      button.disabled = false;
      button.textContent = 'Open it';
    }
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    send(document.getElementById('bundle').files[0]);
  });
  dropping(form, send);
}

if (typeof document !== 'undefined') start();
