/**
 * Makes an element. `props` are attributes; `class` and `on` (listeners by event) are understood, and false, null
 * and undefined leave an attribute out. Strings among the children become text, never markup.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name === 'on') listen(node, value);
    else setAttribute(node, name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

function listen(node, listeners) {
  for (const [event, listener] of Object.entries(listeners)) node.addEventListener(event, listener);
}

/** Sets an attribute, or takes it away for false, null and undefined. */
export function setAttribute(node, name, value) {
  if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? '' : String(value));
}

/** Writes a text only when it is another one, so that screen readers and selections are left alone. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Shows a text, or hides the element when there is none. */
export function showText(node, text) {
  setText(node, text ?? '');
  node.hidden = !text;
}

let ids = 0;
/** An id no other element has, to tie labels to fields. */
export const freshId = (word) => `${word}-${++ids}`;

/** A text field or select with its label. */
export function field(label, input, hint = null) {
  input.id ||= freshId('field');
  const note = hint && el('span', { class: 'hint', id: `${input.id}-hint` }, hint);
  if (note) input.setAttribute('aria-describedby', note.id);
  return el('div', { class: 'field' }, el('label', { for: input.id }, label), input, note);
}

/**
 * A list that shows one element per item. Elements are kept by key and only moved when they must be: focus, selection
 * and half-typed text survive. `make(item)` answers `{ node, update(item) }`.
 */
export function keyedList(parent, keyOf, make) {
  const views = new Map();
  return {
    views,
    show(items) {
      const wanted = new Set(items.map(keyOf));
      for (const [key, view] of views) {
        if (wanted.has(key)) continue;
        view.node.remove();
        views.delete(key);
      }
      let cursor = parent.firstElementChild;
      for (const item of items) {
        const view = views.get(keyOf(item)) ?? make(item);
        views.set(keyOf(item), view);
        view.update(item);
        if (view.node === cursor) cursor = cursor.nextElementSibling;
        else parent.insertBefore(view.node, cursor);
      }
    },
  };
}

/** A button that runs one action at a time. It stays focusable while it works. */
export function actionButton(label, action, props = {}) {
  const button = el('button', { type: 'button', ...props }, label);
  button.addEventListener('click', () => void exclusive(button, action));
  return button;
}

/** Runs `action` unless the element is still busy with the last one. */
export async function exclusive(node, action) {
  if (node.getAttribute('aria-disabled') === 'true') return;
  setAttribute(node, 'aria-disabled', 'true');
  try {
    await action();
  } finally {
    setAttribute(node, 'aria-disabled', null);
  }
}
