// Single keys. They rest while a field has the focus, and can be switched off in the help dialog.

const PLACES = { r: '/', c: '/compare', l: '/listen', n: '/launch', d: '/doctor' };

/** Whether the focus is in something that takes text. */
export function typing(element) {
  if (!element) return false;
  const tag = element.tagName;
  if (tag === 'TEXTAREA' || tag === 'SELECT' || element.isContentEditable) return true;
  return tag === 'INPUT' && !['checkbox', 'radio', 'button', 'submit', 'range'].includes(element.type);
}

/**
 * A reader of keys with the two-key words that start with `g`. `map` is {key: function}; a function gets the event
 * and gives false where it does not want it. Feed the reader events; it says whether it took the key.
 */
export function reader(map, { go = () => {}, now = () => Date.now(), on = () => true } = {}) {
  let goAt = -Infinity;
  return (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !on()) {
      return false;
    }
    const key = event.key;
    if (now() - goAt < 1500) {
      goAt = -Infinity;
      if (PLACES[key]) {
        go(PLACES[key]);
        return true;
      }
    }
    if (key === 'g') {
      goAt = now();
      return true;
    }
    const act = map[key];
    if (!act || act(event) === false) return false;
    event.preventDefault?.();
    return true;
  };
}

/** Whether single keys are on; kept by the browser. */
export function enabled(store = globalThis.localStorage) {
  try {
    return store?.getItem('keys') !== 'off';
  } catch {
    return true; // storage is forbidden here: keys stay on
  }
}

/** Listen for `map` on this page. While a dialog is open only Esc (the browser's own) works. */
export function listen(map, doc = document) {
  const read = reader(map, { go: (path) => location.assign(path), on: () => enabled() && !doc.querySelector('dialog[open]') });
  doc.addEventListener('keydown', read);
}
