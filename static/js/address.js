// Parts of the address that a section keeps for itself beside the page's own: names that begin with "p.", "s." or "t.".

const OURS = /^[pst]\./;

/** `search` with the sections' parts of the address `now` in it. */
export function kept(search, now) {
  const found = new URLSearchParams(search);
  for (const [name, value] of new URLSearchParams(now)) if (OURS.test(name)) found.set(name, value);
  return written(found);
}

/** The values that begin with `prefix`, by what follows it. */
export function read(prefix, search) {
  return Object.fromEntries([...new URLSearchParams(search)].filter(([name]) => name.startsWith(prefix)).map(([name, value]) => [name.slice(prefix.length), value]));
}

/** `search` with these values under `prefix` and all else left; what is empty is not written. */
export function put(prefix, values, search) {
  const found = new URLSearchParams(search);
  for (const name of [...found.keys()]) if (name.startsWith(prefix)) found.delete(name);
  for (const [name, value] of Object.entries(values)) if (value !== '' && value !== null && value !== undefined) found.set(prefix + name, String(value));
  return written(found);
}

/** The address' search part, as short as it can be read. */
function written(params) {
  const text = params.toString().replaceAll('%2C', ',').replaceAll('%2F', '/').replaceAll('%3A', ':');
  return text ? `?${text}` : '';
}

/** Put values into the page's address; `step` makes it one that "back" leads out of. */
export function go(prefix, values, step = true) {
  const search = put(prefix, values, location.search);
  if (search !== location.search) history[step ? 'pushState' : 'replaceState'](null, '', `${location.pathname}${search}${location.hash}`);
}
