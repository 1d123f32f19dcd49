import { call } from '../lib/api.js';
import { el, freshId, setAttribute, setText, showText } from '../lib/dom.js';
import { statusWord } from '../lib/format.js';
import { gathered } from '../lib/schedule.js';
import { chatView } from './chat.js';

/** One open agent: whether it asks before it acts, and the conversation with it. */
export function agentPanel({ agent, me, hrefOfList }) {
  const { name } = agent;
  const heading = el('h2', { tabindex: '-1' }, name);
  const status = el('span', { class: 'status' });
  const reason = el('p', { class: 'reason', hidden: true });
  const settings = settingsOf(agent, me);
  const chat = chatView({ name, userId: me.id });
  const node = el(
    'section',
    { class: 'card panel', 'aria-label': `Agent ${name}` },
    el('a', { class: 'back', href: hrefOfList }, 'Close'),
    el('div', { class: 'head' }, heading, status),
    reason,
    settings.node,
    chat.node,
  );
  return {
    name,
    node,
    focus: () => heading.focus(),
    update({ status: word, status_reason: why }) {
      setText(status, statusWord(word));
      setAttribute(status, 'data-status', word);
      showText(reason, word === 'running' ? '' : why);
      chat.running(word === 'running');
    },
    changed() {
      chat.wish();
      settings.wish();
    },
    /** The agent was deleted, or is no longer ours to see. */
    missing() {
      setText(status, 'Gone');
      setAttribute(status, 'data-status', 'gone');
      chat.running(false);
    },
    close() {
      chat.close();
      settings.close();
    },
  };
}

/** The switch for approvals. Only the server knows which runtimes can ask. */
function settingsOf({ name, is_owner: owns }, { role }) {
  const path = `/~console/agents/${encodeURIComponent(name)}/settings`;
  const id = freshId('ask');
  const ask = el('input', { type: 'checkbox', id, role: 'switch', disabled: true, on: { change: () => void save() } });
  const note = el('p', { class: 'hint', hidden: true });
  const always = el('ul', { class: 'patterns' });
  const rules = el('details', { hidden: true }, el('summary', {}, 'Always allowed'), always);
  const alert = el('p', { class: 'error', role: 'alert', hidden: true });

  let changes = 0;

  function show({ approvals, autonomy, always_allowed: patterns }) {
    ask.checked = approvals === 'ask';
    ask.disabled = !owns && role !== 'admin';
    showText(note, autonomy ? 'Autonomy is on: nothing is asked, whatever this says.' : '');
    rules.hidden = patterns.length === 0;
    always.replaceChildren(...patterns.map((pattern) => el('li', {}, el('code', {}, pattern))));
  }
  const reload = gathered(() => exchange('GET'), 0);
  async function save() {
    const wanted = ask.checked ? 'ask' : 'auto';
    changes += 1;
    if (!(await exchange('PUT', { json: { approvals: wanted } }))) ask.checked = wanted === 'auto';
  }
  async function exchange(method, options) {
    const before = changes;
    try {
      const settings = await call(method, path, options);
      // What was read before the switch was moved is old.
      if (before === changes) show(settings);
      showText(alert, '');
      return true;
    } catch (error) {
      // An agent that is gone says so itself.
      showText(alert, error.status === 404 ? '' : error.message);
      return false;
    }
  }

  reload.wish();
  const label = el('label', { for: id }, 'Ask me before it acts');
  const node = el('div', { class: 'settings' }, el('div', { class: 'switch' }, ask, label), note, rules, alert);
  return { node, wish: reload.wish, close: reload.end };
}
