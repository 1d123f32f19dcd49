export type Json = Record<string, unknown>;

export const objectOf = (value: unknown): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};

/** A text as it is, anything else as nothing. */
export const stringOf = (value: unknown): string => (typeof value === 'string' ? value : '');

export const numberOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0);

/** Characters that no database stores: NUL, and halves of a surrogate pair. Only an escape can bring them into JSON. */
const mayBeUnstorable = /\\u(?:0000|d[89a-f])/i;

const unstorable = /\0|\p{Surrogate}/gu; // with `u` a surrogate is matched only when it stands alone

/** A JSON object from a line that may hold anything; null when it is none. Everything in it can be stored. */
export function parsedObject(line: string): Json | null {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
    return objectOf(mayBeUnstorable.test(line) ? storable(value) : value);
  } catch {
    return null;
  }
}

/** A text without characters that cannot be stored. */
export const storableText = (text: string): string => text.replace(unstorable, '\ufffd');

/** The start of a text; a pair of surrogates is never torn. */
export const startOf = (text: string, length: number): string =>
  text.length <= length ? text : storableText(text.slice(0, length));

function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value);
  if (Array.isArray(value)) return value.map(storable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storableText(key), storable(inner)]));
}
