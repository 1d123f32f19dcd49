import { actionButton, el, exclusive, field, freshId, showText } from '../lib/dom.js';
import { timeText } from '../lib/format.js';

/** One set of questions an agent waits for: options, free text where allowed, or declining. */
export function questionCard({ id, agent, message, questions, expires_at: expires }, answer) {
  const parts = questions.map(questionPart);
  const alert = el('p', { class: 'error', role: 'alert', hidden: true });
  const button = el('button', { type: 'submit', class: 'primary' }, 'Answer');
  const submit = (event) => {
    event.preventDefault();
    const open = parts.find(({ values }) => values().length === 0);
    showText(alert, open ? `Please answer: ${open.text}` : '');
    if (open) return open.focus();
    const answers = Object.fromEntries(parts.map(({ key, values }) => [key, values()]));
    void exclusive(button, () => answer(`/questions/${id}`, { answers }));
  };
  const node = el(
    'li',
    { class: 'card request' },
    el('p', { class: 'asks' }, el('a', { href: `#/agents/${encodeURIComponent(agent)}` }, agent), ' asks'),
    !(questions.length === 1 && questions[0].text === message) && el('h3', {}, message),
    el('p', { class: 'hint' }, `Expires ${timeText(expires)}.`),
    el(
      'form',
      { on: { submit } },
      parts.map((part) => part.node),
      alert,
      el(
        'div',
        { class: 'actions' },
        button,
        actionButton('Decline', () => answer(`/questions/${id}`, { answers: null }), { class: 'danger' }),
      ),
    ),
  );
  return { node, update: () => undefined };
}

function questionPart({ key, text, header, options, multiple, free_text: freeText }) {
  const group = freshId('question');
  const choices = options.map(({ value, label, description }) => {
    const input = el('input', { type: multiple ? 'checkbox' : 'radio', name: group, value, id: freshId('choice') });
    const words = el('span', {}, label, description && el('span', { class: 'hint' }, ` ${description}`));
    return { input, node: el('label', { class: 'choice', for: input.id }, input, words) };
  });
  const words = freeText || options.length === 0 ? el('input', { type: 'text', autocomplete: 'off' }) : null;
  // One answer only: typing one takes back the chosen one, and the other way round.
  if (words && !multiple) {
    words.addEventListener('input', () => choices.forEach(({ input }) => (input.checked = false)));
    choices.forEach(({ input }) => input.addEventListener('change', () => (words.value = '')));
  }
  const node = el(
    'fieldset',
    {},
    el('legend', {}, header && header !== text ? `${header}: ${text}` : text),
    choices.map((choice) => choice.node),
    words && field(options.length > 0 ? 'Or in your own words' : 'Answer', words),
  );
  return {
    key,
    text,
    node,
    focus: () => (choices[0]?.input ?? words)?.focus(),
    values() {
      const chosen = choices.filter(({ input }) => input.checked).map(({ input }) => input.value);
      const typed = words?.value.trim() ?? '';
      return typed ? [...chosen, typed] : chosen;
    },
  };
}
