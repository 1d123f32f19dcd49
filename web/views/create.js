import { call } from '../lib/api.js';
import { el, exclusive, field, showText } from '../lib/dom.js';
import { runtimes } from '../lib/format.js';

/** Makes an agent from a name and a runtime. The answer comes when it runs; its row shows the way there. */
export function createForm({ onChange, onCreated }) {
  const name = el('input', { type: 'text', required: true, autocapitalize: 'none', autocomplete: 'off' });
  const options = runtimes.map(([value, title]) => el('option', { value }, title));
  const runtime = el('select', {}, el('option', { value: '' }, 'Server default'), options);
  const note = el('p', { class: 'hint', role: 'status', hidden: true });
  const alert = el('p', { class: 'error', role: 'alert', hidden: true });
  const button = el('button', { type: 'submit', class: 'primary' }, 'Create agent');

  async function create() {
    const wanted = name.value.trim();
    showText(alert, '');
    showText(note, `Creating ${wanted}. The first agent of a runtime waits until its image is built.`);
    try {
      const chosen = runtime.value ? { runtime: runtime.value } : {};
      const made = await call('POST', '/api/agents', { json: { name: wanted, ...chosen } });
      if (name.value.trim() === wanted) name.value = '';
      onCreated(made.name);
    } catch (error) {
      showText(alert, error.message);
    } finally {
      showText(note, '');
      onChange();
    }
  }

  const submit = (event) => {
    event.preventDefault();
    void exclusive(button, create);
  };
  const node = el(
    'form',
    { class: 'create', 'aria-label': 'Create an agent', on: { submit } },
    field('Name of a new agent', name),
    field('Runtime', runtime),
    button,
    note,
    alert,
  );
  return { node };
}
