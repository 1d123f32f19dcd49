import { agentPath, call } from '../lib/api.js';
import { actionButton, el, freshId, keyedList, setAttribute, setText, showText } from '../lib/dom.js';
import { confirmed } from '../lib/confirm.js';
import { timeText } from '../lib/format.js';
import { gathered } from '../lib/schedule.js';

/** How many stored messages and steps are shown. */
const messageLimit = 100;
const stepLimit = 300;

/** The conversation with one agent, as the server has stored it, and what the agent does at the moment. */
export function chatView({ name, userId }) {
  const gone = new AbortController();
  let stored = [];
  let sending = [];
  let work = '';
  let isRunning = false;

  const heading = el('h3', { id: freshId('chat') }, 'Conversation');
  const log = el('ol', { class: 'messages', role: 'log', 'aria-labelledby': heading.id, tabindex: '0' });
  const messages = keyedList(
    log,
    ({ key }) => key,
    (message) => messageView(message, name),
  );
  const empty = el('p', { class: 'empty' }, 'Nothing was said yet.');
  const working = el('p', { class: 'working', role: 'status', hidden: true });
  const alert = el('p', { class: 'error', role: 'alert', hidden: true });
  const input = el('textarea', { rows: '3', id: freshId('message'), 'aria-describedby': `keys-${heading.id}` });
  const hint = el('p', { class: 'hint', id: `keys-${heading.id}` });
  const button = el('button', { type: 'submit', class: 'primary' }, 'Send');
  const fresh = actionButton('New conversation', begin, { class: 'quiet' });

  const reload = gathered(load, 150);
  async function load() {
    const filter = new URLSearchParams({ limit: String(messageLimit), ...(userId ? { user_filter: userId } : {}) });
    const options = { signal: gone.signal };
    try {
      const [history, activity] = await Promise.all([
        call('GET', agentPath(name, `/chat/history/persistent?${filter}`), options),
        call('GET', agentPath(name, `/activities?limit=${stepLimit}`), options),
      ]);
      stored = withSteps(history.messages, activity.activities);
      show(activity.activities);
    } catch (error) {
      if (error.name !== 'AbortError' && error.status !== 404) showText(alert, error.message);
    }
  }

  function show(activities) {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    const waiting = sending.filter((sent) => !isStored(sent)).map((sent) => sent.message);
    messages.show([...stored, ...waiting]);
    empty.hidden = stored.length + waiting.length > 0;
    if (activities) work = workOf(activities, name);
    showText(working, work || (sending.length > 0 ? `${name} is getting to your message…` : ''));
    if (atEnd) log.scrollTop = log.scrollHeight;
  }

  /** Our message is stored when one with its text came after those there were. */
  const isStored = ({ text, before }) =>
    stored.some(({ key, role, content }) => role === 'user' && content === text && !before.has(key));

  async function send() {
    const text = input.value.trim();
    if (!text) return;
    const message = { key: freshId('sending'), role: 'user', content: text, timestamp: '', steps: [], sending: true };
    const sent = { text, message, before: new Set(stored.map(({ key }) => key)) };
    sending.push(sent);
    input.value = '';
    showText(alert, '');
    show();
    log.scrollTop = log.scrollHeight;
    try {
      await call('POST', agentPath(name, '/chat'), { json: { message: text }, signal: gone.signal });
    } catch (error) {
      if (error.name === 'AbortError') return;
      showText(alert, error.message);
      await load();
      // What the server did not take is given back, unless something new was typed meanwhile.
      if (!isStored(sent)) input.value ||= text;
    }
    sending = sending.filter((one) => one !== sent);
    await load();
    show();
  }

  async function begin() {
    const text = 'The agent forgets this conversation. Its messages stay readable here.';
    if (!(await confirmed({ title: 'Begin a new conversation?', text, action: 'Begin' }))) return;
    showText(alert, '');
    await call('DELETE', agentPath(name, '/chat/history')).catch((error) => showText(alert, error.message));
    reload.wish();
  }

  const submit = (event) => {
    event.preventDefault();
    // Messages may wait for one another, so the button is free again at once.
    if (isRunning) void send();
  };
  input.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) submit(event);
  });
  const node = el(
    'div',
    { class: 'chat' },
    el('div', { class: 'head' }, heading, fresh),
    empty,
    log,
    working,
    alert,
    el(
      'form',
      { on: { submit } },
      el('label', { for: input.id }, `Message to ${name}`),
      input,
      el('div', { class: 'actions' }, button, hint),
    ),
  );
  reload.wish();

  return {
    node,
    wish: reload.wish,
    running(now) {
      if (now && !isRunning) reload.wish();
      isRunning = now;
      button.disabled = !now;
      fresh.disabled = !now;
      setText(hint, now ? 'Enter sends, Shift+Enter starts a new line.' : 'The agent must run to take a message.');
      if (!now) work = '';
      show();
    },
    close() {
      reload.end();
      gone.abort();
    },
  };
}

/** Messages with the tools their turn used; a turn's id is the front part of its messages' ids. */
function withSteps(messages, activities) {
  const tools = activities.filter(({ activity_type: type }) => type === 'tool_call').reverse();
  return messages.map((message, index) => {
    const turn = message.role === 'assistant' ? message.id.replace(/-assistant$/, '') : null;
    const steps = tools.filter(({ related_execution_id: id }) => id === turn);
    const begins = index > 0 && messages[index - 1].session_id !== message.session_id;
    return { ...message, key: message.id, steps, begins };
  });
}

/** What the agent does now, in a sentence; empty when it does nothing. */
function workOf(activities, name) {
  const chat = activities.find(({ activity_type: type }) => type === 'chat_start');
  if (chat?.activity_state !== 'started') return '';
  const tool = activities.find((one) => one.activity_type === 'tool_call' && one.activity_state === 'started');
  return tool ? `${name} is working: ${stepTitle(tool)}` : `${name} is working…`;
}

const stepTitle = ({ details }) => String(details?.title ?? details?.tool ?? 'a tool');
const stepState = { started: 'running', completed: 'done', failed: 'failed' };

function messageView({ role, content, sending, begins }, name) {
  const time = el('time');
  const text = el('div', { class: 'text' });
  const steps = el('ul');
  const summary = el('summary');
  const details = el('details', { hidden: true }, summary, steps);
  const author = role === 'user' ? 'You' : name;
  const node = el(
    'li',
    { class: `message ${role}${sending ? ' sending' : ''}${begins ? ' begins' : ''}` },
    begins && el('p', { class: 'divider' }, 'New conversation'),
    el('div', { class: 'author' }, el('strong', {}, author), time),
    text,
    details,
  );
  return {
    node,
    update(message) {
      setText(text, message.content ?? content);
      setText(time, message.sending ? 'sending…' : timeText(message.timestamp));
      setAttribute(time, 'datetime', message.timestamp || null);
      details.hidden = message.steps.length === 0;
      setText(summary, message.steps.length === 1 ? '1 tool used' : `${message.steps.length} tools used`);
      const lines = message.steps.map((step) => `${stepTitle(step)} – ${stepState[step.activity_state] ?? ''}`);
      if (lines.join('\n') !== [...steps.children].map((line) => line.textContent).join('\n')) {
        steps.replaceChildren(...lines.map((line) => el('li', {}, line)));
      }
    },
  };
}
