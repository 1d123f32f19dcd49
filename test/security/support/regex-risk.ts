/**
 * Whether a pattern repeats, without a limit, something that itself repeats without one: `(a+)+`. Such a pattern may take time
 * that doubles with each character. Many are harmless, because what is repeated ends with a character it cannot hold; those are
 * looked at by a person.
 */
export function nests(source: string): boolean {
  const height = (from: number): { readonly end: number; readonly inner: boolean } => {
    let inner = false;
    let at = from;
    while (at < source.length && source[at] !== ')') {
      const atom = source[at];
      let repeats = false;
      if (atom === '\\') at += 2;
      else if (atom === '[') at = endOfClass(source, at);
      else if (atom === '(') {
        const group = height(at + 1);
        repeats = group.inner;
        at = group.end + 1;
      } else at += 1;
      const many = /^(?:[*+]|\{\d*,\})/.exec(source.slice(at));
      if (many && repeats) return { end: source.length, inner: (found = true) };
      const limited = many ?? /^(?:\?|\{\d+(?:,\d+)?\})/.exec(source.slice(at));
      inner ||= many !== null || repeats;
      at += limited?.[0].length ?? 0;
      if (limited && source[at] === '?') at += 1;
    }
    return { end: at, inner };
  };
  let found = false;
  let at = 0;
  while (at < source.length && !found) at = height(at).end + 1;
  return found;
}

function endOfClass(source: string, from: number): number {
  let at = from + 1;
  while (at < source.length && source[at] !== ']') at += source[at] === '\\' ? 2 : 1;
  return at + 1;
}
