// The Bands pages: filters that apply at once, one more row of points, how many runs are chosen, delete.

/** "1 run chosen", "3 runs chosen". */
export function chosen(count) {
  return `${count} run${count === 1 ? '' : 's'} chosen`;
}

/** A copy of a table's last row with empty fields and labels that count on. */
export function nextRow(row, number) {
  const made = row.cloneNode(true);
  for (const field of made.querySelectorAll('input')) {
    field.value = '';
    field.removeAttribute('value');
    field.setAttribute('aria-label', `New row ${number}, ${field.name.slice(1)}`);
  }
  return made;
}

function start() {
  const filters = document.getElementById('band-filters');
  filters?.addEventListener('change', () => filters.requestSubmit());
  const form = document.getElementById('band-form');
  form?.addEventListener('change', () => {
    const note = document.getElementById('band-count');
    if (note) note.textContent = chosen(form.querySelectorAll('[name="runs"]:checked').length);
  });
  document.getElementById('add-row')?.addEventListener('click', () => {
    const rows = document.querySelector('#band-rows tbody');
    const made = nextRow(rows.lastElementChild, rows.children.length + 1);
    rows.append(made);
    made.querySelector('input').focus();
  });
  const dialog = document.getElementById('delete');
  document.getElementById('delete-open')?.addEventListener('click', () => dialog.showModal());
  dialog?.querySelector('[data-close]')?.addEventListener('click', () => dialog.close());
  document.querySelector('#band-edit input:not([type="hidden"])')?.focus({ preventScroll: false });
}

if (typeof document !== 'undefined') start();
