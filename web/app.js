import { leave, onSignedOut, token } from './lib/api.js';
import { openConsole } from './views/console.js';
import { signInForm } from './views/sign-in.js';

const root = document.getElementById('app');
let close = () => undefined;

/** Shows the sign-in form, with a reason where there is one. */
function showSignIn(reason = '') {
  close();
  close = () => undefined;
  document.title = 'Sign in · Flotilla';
  const form = signInForm({ reason, onSignedIn: showConsole });
  root.replaceChildren(form.node);
  form.focus();
}

function showConsole() {
  close();
  document.title = 'Flotilla';
  const page = openConsole({ onSignOut: () => void leave().finally(() => showSignIn()) });
  close = page.close;
  root.replaceChildren(page.node);
  page.focus();
}

onSignedOut(() => showSignIn('Your sign-in has ended. Please sign in again.'));
if (token()) showConsole();
else showSignIn();
