import { call, token } from '../lib/api.js';
import { el, keyedList, setText, showText } from '../lib/dom.js';
import { gathered } from '../lib/schedule.js';
import { approvalCard } from './approval.js';
import { questionCard } from './question.js';

/** Milliseconds between looks while the page is seen: a net under a lost event. */
const lookEvery = 30_000;
/** How long a refusal is shown once nothing waits any more. */
const alertFor = 10_000;

/** Approvals and questions of the whole fleet, oldest first. `onCount` hears how many wait. */
export function inboxView({ onCount }) {
  const heading = el('h2', { id: 'inbox', tabindex: '-1' }, 'Waiting for you');
  const count = el('span', { class: 'count', role: 'status' });
  const alert = el('p', { class: 'error', role: 'alert', hidden: true });
  const cards = el('ul', { class: 'requests', 'aria-labelledby': 'inbox' });
  const list = keyedList(
    cards,
    ({ id }) => id,
    (request) => (request.isQuestion ? questionCard : approvalCard)(request, answer),
  );
  const node = el(
    'section',
    { class: 'inbox', 'aria-labelledby': 'inbox', hidden: true },
    el('div', { class: 'title' }, heading, count),
    alert,
    cards,
  );

  let isLive = false;
  let alertUntil = 0;
  const reload = gathered(load, 200);
  async function load() {
    if (!token()) return;
    const [approvals, questions] = await Promise.all([
      call('GET', '/~console/approvals'),
      call('GET', '/~console/questions'),
    ]);
    const all = [...approvals, ...questions.map((question) => ({ ...question, isQuestion: true }))];
    show(all.sort((a, b) => a.created_at.localeCompare(b.created_at)));
  }

  function show(requests) {
    const held = cards.contains(document.activeElement);
    list.show(requests);
    setText(count, requests.length > 0 ? String(requests.length) : '');
    if (requests.length === 0 && Date.now() > alertUntil) showText(alert, '');
    node.hidden = requests.length === 0 && alert.hidden;
    if (held && !node.hidden && !cards.contains(document.activeElement)) heading.focus();
    onCount(requests.length);
  }

  /** Gives an answer; the first one counts, so a refusal may mean that somebody was faster. */
  async function answer(path, body) {
    showText(alert, '');
    try {
      await call('POST', `/~console${path}/answer`, { json: body });
    } catch (error) {
      showText(alert, error.message);
      alertUntil = Date.now() + alertFor;
    }
    await load().catch(() => undefined);
  }

  const look = setInterval(() => {
    if (isLive && !document.hidden) reload.wish();
  }, lookEvery);
  return {
    node,
    wish: reload.wish,
    /** Looks for news while there is a connection. */
    watch(live) {
      isLive = live;
    },
    close() {
      clearInterval(look);
      reload.end();
    },
  };
}
