// The choice of bands on Compare and Run: the sets that there are, by name.
import { api } from './base.js';

/** Options for sets: made ones, then the library's; several that the address names are one more. */
export function options(sets, chosen) {
  const rows = sets.map((s) => ({ value: s.id, text: s.kept ? s.name : `${s.name} (library)` }));
  const known = new Set(['', 'none', ...rows.map((r) => r.value)]);
  if (chosen && !known.has(chosen)) {
    const names = chosen.split(',').map((id) => sets.find((s) => s.id === id)?.name ?? id);
    rows.unshift({ value: chosen, text: names.join(', ') });
  }
  return rows;
}

/** Put them into the select; it stands on what `chosen()` says. Without an answer its first two options remain. */
export async function offered(select, chosen) {
  if (!select) return;
  let sets = [];
  try {
    sets = await api('/api/bandsets');
  } catch {
    // charts say what they draw; the choice stays as short as it is
  }
  for (const { value, text } of options(sets, chosen())) select.append(new Option(text, value));
  select.value = chosen();
}
