import { actionButton, el, field } from '../lib/dom.js';
import { pretty, timeText } from '../lib/format.js';

/** One approval: the exact call, and the three answers. */
export function approvalCard({ id, agent, title, kind, input, content, pattern, expires_at: expires }, answer) {
  const message = el('input', { type: 'text', autocomplete: 'off' });
  const decide = (decision) => {
    const text = message.value.trim();
    return answer(`/approvals/${id}`, { decision, ...(decision === 'reject' && text ? { message: text } : {}) });
  };
  const node = el(
    'li',
    { class: 'card request' },
    el('p', { class: 'asks' }, el('a', { href: `#/agents/${encodeURIComponent(agent)}` }, agent), ' wants to act'),
    el('h3', {}, title),
    el('p', { class: 'hint' }, `Kind: ${kind}. Expires ${timeText(expires)}.`),
    shown(input, content),
    pattern !== null && el('p', { class: 'hint' }, '“Always allow” covers exactly: ', el('code', {}, pattern)),
    field('Message to the agent (goes with Reject)', message),
    el(
      'div',
      { class: 'actions' },
      actionButton('Allow once', () => decide('allow'), { class: 'primary' }),
      pattern !== null && actionButton('Always allow', () => decide('always')),
      actionButton('Reject', () => decide('reject'), { class: 'danger' }),
    ),
  );
  return { node, update: () => undefined };
}

/** The exact call, and the changes or texts the runtime shows with it. */
function shown(input, content) {
  const parts = (content ?? []).map(partOf).filter((part) => part !== null);
  if (input !== null && input !== undefined) {
    const call = el('pre', { tabindex: '0', 'aria-label': 'The exact call' }, pretty(input));
    if (parts.length === 0) return call;
    parts.push(el('details', {}, el('summary', {}, 'The exact call'), call));
  }
  return parts;
}

function partOf({ type, path, oldText, newText, content }) {
  if (type === 'diff') {
    const lines = [...linesOf(oldText, 'removed', '- '), ...linesOf(newText, 'added', '+ ')];
    return el(
      'div',
      {},
      el('p', {}, el('code', {}, path)),
      el('pre', { tabindex: '0', 'aria-label': `Change of ${path}` }, lines),
    );
  }
  const text = content?.text;
  return typeof text === 'string' ? el('pre', { tabindex: '0' }, text) : null;
}

const linesOf = (text, kind, sign) =>
  text
    ? text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => el('span', { class: kind }, `${sign}${line}\n`))
    : [];
