/** Shorter values are left alone: they would take ordinary words out of every text. */
export const shortestHidden = 6;
export const hiddenMark = '[redacted]';

/** Lines of a value of several lines that are hidden each by themselves. */
const shortestLine = 16;
/** A shorter beginning of a value at the end of a text may be anything. */
const tellingStart = 4;

/**
 * Finds given values in texts and replaces them: as they are, and as JSON, a URL or base64 show them. Costs a table look-up per
 * character, however many values there are.
 */
export class Redactor {
  static readonly none = new Redactor([]);
  /** Values by their first two characters, longest first. */
  private readonly starts = new Map<number, string[]>();
  private readonly firsts = new Uint8Array(256);
  private readonly byFirst = new Map<number, string[]>();
  private longest = 0;

  private constructor(forms: Iterable<string>) {
    for (const form of forms) this.take(form);
    for (const list of this.starts.values()) list.sort((a, b) => b.length - a.length);
  }

  static of(values: Iterable<string>): Redactor {
    const forms = new Set<string>();
    for (const value of values) for (const form of formsOf(value)) forms.add(form);
    return forms.size === 0 ? Redactor.none : new Redactor(forms);
  }

  /** One that begins empty and is added to. */
  static collecting(): Redactor {
    return new Redactor([]);
  }

  get isEmpty(): boolean {
    return this.longest === 0;
  }

  /** Also hides this value from now on. */
  add(value: string): void {
    for (const form of formsOf(value)) {
      if (this.starts.get(startOf(form, 0))?.includes(form)) continue;
      this.take(form);
      this.starts.get(startOf(form, 0))?.sort((a, b) => b.length - a.length);
    }
  }

  text(text: string, mark = hiddenMark): string {
    if (this.isEmpty) return text;
    let clean = '';
    let from = 0;
    for (let hit = this.find(text, 0); hit; hit = this.find(text, from)) {
      clean += text.slice(from, hit.at) + mark;
      from = hit.end;
    }
    return from === 0 ? text : clean + text.slice(from);
  }

  /** As `text`; and what stands at its end and may be the beginning of a value is hidden too. For texts that will grow. */
  growing(text: string): string {
    const clean = this.text(text);
    const at = this.opening(clean);
    return clean.length - at < tellingStart ? clean : clean.slice(0, at) + hiddenMark;
  }

  /** Every text in a value. Where `kept` says so, what stands under a name is left as it is. */
  deep<T>(value: T, kept: (name: string) => boolean = () => false, clean = (text: string) => this.text(text)): T {
    return this.isEmpty ? value : (walk(value, kept, clean) as T);
  }

  /** For a text that comes in pieces: a value may be torn between two of them. */
  stream(): RedactedStream {
    return new RedactedStream(this);
  }

  /** The first value in a text, at or after a place; the longest of those that begin there. */
  find(text: string, from: number): { readonly at: number; readonly end: number } | null {
    for (let at = from; at + 1 < text.length; at += 1) {
      if (this.firsts[text.charCodeAt(at) & 255] === 0) continue;
      for (const value of this.starts.get(startOf(text, at)) ?? []) {
        if (text.startsWith(value, at)) return { at, end: at + value.length };
      }
    }
    return null;
  }

  /** Where the end of a text begins that is the beginning of a value; its length when there is none. */
  opening(text: string): number {
    for (let at = Math.max(0, text.length - this.longest + 1); at < text.length; at += 1) {
      const first = text.charCodeAt(at);
      if (this.firsts[first & 255] === 0) continue;
      const length = text.length - at;
      const rest = text.slice(at);
      const candidates = length === 1 ? this.byFirst.get(first) : this.starts.get(startOf(text, at));
      if (candidates?.some((value) => value.length > length && value.startsWith(rest))) return at;
    }
    return text.length;
  }

  private take(form: string): void {
    const start = startOf(form, 0);
    this.starts.set(start, [...(this.starts.get(start) ?? []), form]);
    const first = form.charCodeAt(0);
    this.byFirst.set(first, [...(this.byFirst.get(first) ?? []), form]);
    this.firsts[first & 255] = 1;
    this.longest = Math.max(this.longest, form.length);
  }
}

/** Holds back what may be the beginning of a value until the next piece tells. */
export class RedactedStream {
  private waiting = '';

  constructor(private readonly redactor: Redactor) {}

  /** Characters that are held back. */
  get held(): number {
    return this.waiting.length;
  }

  /** What of the text so far can be shown now. */
  push(piece: string): string {
    if (this.redactor.isEmpty) return piece;
    let text = this.waiting + piece;
    let shown = '';
    for (;;) {
      const open = this.redactor.opening(text);
      const hit = this.redactor.find(text, 0);
      if (!hit || hit.at >= open) {
        this.waiting = text.slice(open);
        return shown + text.slice(0, open);
      }
      shown += text.slice(0, hit.at) + hiddenMark;
      text = text.slice(hit.end);
    }
  }

  /** The text is over: what was held back. */
  end(): string {
    const rest = this.redactor.text(this.waiting);
    this.waiting = '';
    return rest;
  }
}

function formsOf(value: string): string[] {
  const lines = value.includes('\n') ? value.split(/\r?\n/) : [];
  const telling = lines.filter((line) => line.length >= shortestLine && !line.startsWith('-----'));
  return [value.trim(), ...telling].flatMap(shapes);
}

function shapes(value: string): string[] {
  if (value.length < shortestHidden) return [];
  const bytes = Buffer.from(value);
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    uriOf(value),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
  ];
  return [...new Set(forms)];
}

/** Half of a surrogate pair has no place in a URL. */
function uriOf(value: string): string {
  try {
    return encodeURIComponent(value);
  } catch {
    return value;
  }
}

const startOf = (text: string, at: number): number => text.charCodeAt(at) * 65_536 + text.charCodeAt(at + 1);

function walk(value: unknown, kept: (name: string) => boolean, clean: (text: string) => string): unknown {
  if (typeof value === 'string') return clean(value);
  if (Array.isArray(value)) return value.map((item) => walk(item, kept, clean));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [clean(name), kept(name) ? inner : walk(inner, kept, clean)]),
  );
}
