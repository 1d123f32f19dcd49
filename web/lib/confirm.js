import { el, freshId } from './dom.js';

/** Asks before something is done; resolves to true for yes. Escape and Cancel mean no. */
export function confirmed({ title, text, action }) {
  const id = freshId('confirm');
  const yes = el('button', { value: 'yes', class: 'danger' }, action);
  const form = el(
    'form',
    { method: 'dialog' },
    el('h2', { id }, title),
    el('p', {}, text),
    el('div', { class: 'actions' }, el('button', { value: 'no', autofocus: true }, 'Cancel'), yes),
  );
  const dialog = el('dialog', { 'aria-labelledby': id }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'yes');
    });
  });
}
