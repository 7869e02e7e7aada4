// Saved views: the dialog that saves one, and the list where they are renamed and deleted.
import { api, notice } from './base.js';

const $ = (id) => document.getElementById(id);

function failed(problem) {
  $('view-error').textContent = problem.message;
  $('view-error').hidden = false;
}

/** The Compare page's button: `query` gives the view as it stands. */
export function saving(query) {
  const dialog = $('view-dialog');
  const name = $('view-name');
  const replace = $('view-replace');
  const clean = () => {
    $('view-error').hidden = true;
    replace.hidden = true;
  };
  async function save(over) {
    clean();
    try {
      const saved = await api('/api/views', { method: 'POST', body: { name: name.value, page: 'compare', query: query(), replace: over } });
      dialog.close();
      notice(`Saved as ${saved.name}.`);
    } catch (problem) {
      failed(problem);
      replace.hidden = problem.code !== 'name_taken';
    }
  }
  $('save-view').addEventListener('click', () => {
    clean();
    dialog.showModal();
    name.select();
  });
  name.addEventListener('input', clean);
  replace.addEventListener('click', () => save(true));
  $('view-form').addEventListener('submit', (event) => {
    event.preventDefault();
    save(false);
  });
}

/** The list: rename or delete a view, asked for in one dialog. */
function listed(section) {
  const dialog = $('view-dialog');
  let row = null;
  let deletes = false;
  section.addEventListener('click', (event) => {
    const button = event.target.closest('[data-rename], [data-delete]');
    if (!button) return;
    row = button.closest('[data-view]');
    deletes = 'delete' in button.dataset;
    const link = row.querySelector('a');
    $('view-title').textContent = `${deletes ? 'Delete' : 'Rename'} ${link.textContent}`;
    $('view-go').textContent = deletes ? 'Delete view' : 'Rename view';
    $('view-field').hidden = deletes;
    $('view-name').value = link.textContent;
    $('view-error').hidden = true;
    dialog.showModal();
  });
  $('view-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    const path = `/api/views/${row.dataset.view}`;
    try {
      if (deletes) {
        await api(path, { method: 'DELETE' });
        row.remove();
        if (!section.querySelector('[data-view]')) section.remove();
      } else {
        const view = await api(path, { method: 'PATCH', body: { name: $('view-name').value } });
        row.querySelector('a').textContent = view.name;
        row.querySelector('[data-rename]').setAttribute('aria-label', `Rename ${view.name}`);
        row.querySelector('[data-delete]').setAttribute('aria-label', `Delete ${view.name}`);
      }
      dialog.close();
    } catch (problem) {
      failed(problem);
    }
  });
}

if (typeof document !== 'undefined') {
  const section = $('views');
  if (section) listed(section);
}
