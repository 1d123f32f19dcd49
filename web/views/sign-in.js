import { signIn } from '../lib/api.js';
import { el, exclusive, field, showText } from '../lib/dom.js';

/** The sign-in form; `reason` says why it is shown again. */
export function signInForm({ reason, onSignedIn }) {
  const text = { type: 'text', autocapitalize: 'none', spellcheck: 'false', required: true };
  const username = el('input', { ...text, name: 'username', autocomplete: 'username' });
  const password = el('input', {
    type: 'password',
    name: 'password',
    autocomplete: 'current-password',
    required: true,
  });
  const alert = el('p', { class: 'error', role: 'alert', hidden: true });
  showText(alert, reason);
  const button = el('button', { type: 'submit', class: 'primary' }, 'Sign in');

  async function submit() {
    showText(alert, '');
    try {
      await signIn(username.value.trim(), password.value);
      onSignedIn();
    } catch (error) {
      const unset = error.message === 'setup_required';
      showText(alert, unset ? 'This installation has no administrator password yet.' : error.message);
      password.select();
      password.focus();
    }
  }

  const form = el(
    'form',
    { class: 'card', method: 'post', on: { submit: (event) => send(event) } },
    el('h1', {}, 'Flotilla'),
    el('p', { class: 'hint' }, 'Sign in to see your agents. The server says who the first user is when it starts.'),
    field('User name', username),
    field('Password', password),
    alert,
    el('div', { class: 'actions' }, button),
    el('p', { class: 'hint' }, 'Prefer the API? It is described at ', el('a', { href: '/docs' }, '/docs'), '.'),
  );
  function send(event) {
    event.preventDefault();
    void exclusive(button, submit);
  }
  return { node: el('main', { class: 'sign-in' }, form), focus: () => username.focus() };
}
