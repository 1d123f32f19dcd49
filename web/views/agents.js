import { agentPath, call } from '../lib/api.js';
import { actionButton, el, keyedList, setAttribute, setText, showText } from '../lib/dom.js';
import { confirmed } from '../lib/confirm.js';
import { runtimeTitle, statusWord, timeText } from '../lib/format.js';
import { createForm } from './create.js';

/** The list of agents, with the form that makes one. */
export function agentsView({ onChange, onCreated, hrefOf }) {
  const heading = el('h1', { id: 'agents', tabindex: '-1' }, 'Agents');
  const count = el('span', { class: 'count' });
  const empty = el('p', { class: 'empty', hidden: true }, 'No agents yet: create one above.');
  const loading = el('p', { class: 'empty' }, 'Loading…');
  const rows = el('ul', { class: 'agents', 'aria-labelledby': 'agents' });
  const list = keyedList(
    rows,
    ({ name }) => name,
    (agent) => agentRow(agent, { hrefOf, onChange }),
  );
  const form = createForm({ onChange, onCreated });
  const node = el(
    'section',
    { 'aria-labelledby': 'agents' },
    el('div', { class: 'title' }, heading, count),
    form.node,
    loading,
    empty,
    rows,
  );
  return {
    node,
    show(agents, chosen) {
      loading.hidden = true;
      empty.hidden = agents.length > 0;
      setText(count, agents.length > 0 ? String(agents.length) : '');
      const held = rows.contains(document.activeElement);
      list.show(agents);
      if (held && !rows.contains(document.activeElement)) heading.focus();
      for (const [name, view] of list.views) view.choose(name === chosen);
    },
    /** Puts the focus on an agent's link, or on the heading. */
    focus(name) {
      const view = list.views.get(name);
      if (view) view.focus();
      else heading.focus();
    },
  };
}

function agentRow(first, { hrefOf, onChange }) {
  const { name } = first;
  let agent = first;
  const link = el('a', { class: 'name', href: hrefOf(name) }, name);
  const status = el('span', { class: 'status' });
  const reason = el('p', { class: 'reason', hidden: true });
  const alert = el('p', { class: 'error', role: 'alert', hidden: true });
  const runtime = el('span');
  const owner = el('span');
  const created = el('time');

  async function act(method, rest) {
    showText(alert, '');
    try {
      await call(method, agentPath(name, rest));
    } catch (error) {
      showText(alert, error.message);
    } finally {
      onChange();
    }
  }

  const power = actionButton('Start', async () => {
    if (agent.status === 'stopped') return act('POST', '/start');
    const title = `Stop ${name}?`;
    const text = 'Work in progress is interrupted. Its files and conversations stay.';
    if (await confirmed({ title, text, action: 'Stop' })) await act('POST', '/stop');
  });
  const remove = actionButton(
    'Delete',
    async () => {
      const title = `Delete ${name}?`;
      const text = 'Its container, files and conversations are deleted for good.';
      if (await confirmed({ title, text, action: 'Delete' })) await act('DELETE', '');
    },
    { class: 'danger quiet', 'aria-label': `Delete ${name}` },
  );

  const node = el(
    'li',
    { class: 'card agent' },
    el('div', { class: 'head' }, link, status),
    reason,
    el(
      'dl',
      {},
      el('div', {}, el('dt', {}, 'Runtime'), el('dd', {}, runtime)),
      el('div', {}, el('dt', {}, 'Owner'), el('dd', {}, owner)),
      el('div', {}, el('dt', {}, 'Created'), el('dd', {}, created)),
    ),
    el('div', { class: 'actions' }, power, remove),
    alert,
  );
  return {
    node,
    update(next) {
      agent = next;
      setText(status, statusWord(next.status));
      setAttribute(status, 'data-status', next.status);
      showText(reason, next.status === 'running' ? '' : next.status_reason);
      setText(runtime, runtimeTitle(next.runtime));
      setText(owner, next.owner ?? 'nobody');
      setText(created, timeText(next.created));
      setAttribute(created, 'datetime', next.created);
      const word = next.status === 'stopped' ? 'Start' : 'Stop';
      setText(power, word);
      setAttribute(power, 'aria-label', `${word} ${name}`);
      remove.hidden = next.is_system;
    },
    choose(open) {
      setAttribute(link, 'aria-current', open ? 'true' : null);
      node.classList.toggle('open', open);
    },
    focus: () => link.focus(),
  };
}
