/*
 * The terminal library writes `<style>` elements and `style` attributes, which the page's policy refuses. Both have twins
 * that the policy allows, since no markup can reach them: constructed style sheets, and properties of `element.style`. While
 * a terminal is shown, the document makes elements that use the twins, so that the policy needs no exception. (The library's
 * option `documentOverride` is not enough: its rows and scroll bar ask the page's own document all the same.)
 */
type Tag = keyof HTMLElementTagNameMap;
type Create = (this: Document, name: Tag, options?: ElementCreationOptions) => HTMLElement;
const create: Create = Reflect.get(Document.prototype, 'createElement');
let terminals = 0;

/** Lets styles be written as the policy allows; answers what ends that. */
export function keepStylesStrict(): () => void {
  terminals += 1;
  Object.defineProperty(document, 'createElement', { value: createElement, configurable: true });
  return () => {
    terminals -= 1;
    if (terminals === 0) Reflect.deleteProperty(document, 'createElement');
  };
}

function createElement(this: Document, name: Tag, options?: ElementCreationOptions): HTMLElement {
  if (name === 'style') return sheetElement();
  const element = create.call(document, name, options);
  if (name === 'span') element.setAttribute = setAttribute;
  return element;
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === 'style') this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

/** Stands where a `<style>` would: its text is a sheet of the document until it is removed. */
function sheetElement(): HTMLElement {
  const sheet = new CSSStyleSheet();
  const element = create.call(document, 'template');
  document.adoptedStyleSheets.push(sheet);
  Object.defineProperty(element, 'textContent', { set: (text: string) => sheet.replaceSync(text) });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}
