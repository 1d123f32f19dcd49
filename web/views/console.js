import { call, callWithHeaders, token } from '../lib/api.js';
import { actionButton, el, setAttribute, setText, showText } from '../lib/dom.js';
import { liveEvents } from '../lib/live.js';
import { gathered } from '../lib/schedule.js';
import { agentPanel } from './agent.js';
import { agentsView } from './agents.js';
import { inboxView } from './inbox.js';

const connections = {
  connecting: 'Connecting…',
  live: 'Live',
  waiting: 'Connection lost, trying again…',
};
const hrefPrefix = '#/agents/';

/** The page of a person who is signed in: what waits for them, their agents, and the one that is open. */
export function openConsole({ onSignOut }) {
  let agents = [];
  let me = null;
  let panel = null;

  const state = el('span', { class: 'connection', role: 'status' });
  const who = el('span', { class: 'who' });
  const alert = el('p', { class: 'error banner', role: 'alert', hidden: true });
  const engine = el('p', { class: 'warning banner', role: 'status', hidden: true });
  const inbox = inboxView({ onCount: (count) => (document.title = count > 0 ? `(${count}) Flotilla` : 'Flotilla') });
  const list = agentsView({ onChange: () => reload.wish(), onCreated, hrefOf });
  const side = el('div', { class: 'side' });
  const main = el('main', { class: 'console' }, el('div', { class: 'first' }, inbox.node, list.node), side);
  const node = el(
    'div',
    {},
    el(
      'header',
      {},
      el('a', { class: 'brand', href: '#/' }, 'Flotilla'),
      state,
      el('nav', { 'aria-label': 'Site' }, el('a', { href: '/docs' }, 'API docs')),
      who,
      actionButton('Sign out', onSignOut, { class: 'quiet' }),
    ),
    alert,
    engine,
    main,
  );

  const reload = gathered(loadAgents, 150);
  async function loadAgents() {
    if (!token()) return;
    try {
      const { body, headers } = await callWithHeaders('GET', '/api/agents');
      agents = body;
      const lost = headers.get('x-flotilla-engine') === 'unreachable';
      showText(engine, lost ? 'The container engine does not answer. You see what was known last.' : '');
      showText(alert, '');
      show();
    } catch (error) {
      showText(alert, error.message);
    }
  }

  function show() {
    const chosen = chosenName();
    list.show(agents, chosen);
    const agent = agents.find(({ name }) => name === chosen) ?? null;
    const left = panel && panel.name !== chosen ? closePanel() : null;
    if (!panel && agent && me) {
      panel = agentPanel({ agent, me, hrefOfList: '#/' });
      side.replaceChildren(panel.node);
      panel.focus();
    }
    if (panel && agent) panel.update(agent);
    else if (panel) panel.missing();
    main.classList.toggle('has-open', panel !== null);
    if (left !== null && !panel) list.focus(left);
  }

  /** Answers the name of the agent that was open. */
  function closePanel() {
    const { name } = panel;
    panel.close();
    panel = null;
    side.replaceChildren();
    return name;
  }

  /** Opens a new agent, unless its maker went on to another one meanwhile. */
  function onCreated(name) {
    if (!chosenName()) location.hash = hrefOf(name);
  }

  function take(message) {
    const about = message.agent_name;
    switch (message.type) {
      case 'agent_status': {
        const known = agents.find(({ name }) => name === about);
        if (!known) return reload.wish();
        Object.assign(known, { status: message.status, status_reason: message.reason });
        return show();
      }
      case 'agent_activity':
        inbox.wish();
        if (panel?.name === about) panel.changed();
        return;
      case 'approval_requested':
      case 'approval_answered':
      case 'question_asked':
      case 'question_answered':
        return inbox.wish();
      case 'agent_renamed':
        if (chosenName() === message.data.old_name) location.replace(hrefOf(message.data.new_name));
        return reload.wish();
      default:
        return reload.wish();
    }
  }

  const live = liveEvents({
    onState(word) {
      setText(state, connections[word]);
      setAttribute(state, 'data-state', word);
      inbox.watch(word === 'live');
    },
    onOpen() {
      reload.wish();
      inbox.wish();
      panel?.changed();
    },
    onMessage: take,
  });

  addEventListener('hashchange', show);
  void call('GET', '/api/users/me')
    .then(async (found) => {
      // Administrators are given everybody's conversations unless they name a user.
      const users = found.role === 'admin' ? await call('GET', '/api/users') : [];
      me = { ...found, id: users.find(({ username }) => username === found.username)?.id ?? null };
      setText(who, found.name ?? found.username);
      show();
    })
    .catch((error) => showText(alert, error.message));
  reload.wish();
  inbox.wish();

  return {
    node,
    focus: () => list.focus(null),
    close() {
      live.close();
      reload.end();
      inbox.close();
      panel?.close();
      removeEventListener('hashchange', show);
      for (const dialog of document.querySelectorAll('dialog')) dialog.close();
    },
  };
}

const hrefOf = (name) => hrefPrefix + encodeURIComponent(name);

/** Name of the agent the address opens; empty for none. */
function chosenName() {
  if (!location.hash.startsWith(hrefPrefix)) return '';
  try {
    return decodeURIComponent(location.hash.slice(hrefPrefix.length));
  } catch {
    return '';
  }
}
