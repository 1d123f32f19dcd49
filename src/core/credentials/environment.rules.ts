/** Variables by name, as a process gets them. */
export type Variables = ReadonlyMap<string, string>;

/** A longer one would keep the process from being started at all. */
const longestValue = 96 * 1024;
const mostBytes = 512 * 1024;

/** What says who and where a process is, or how programs are loaded, is not for a file in the home to decide. */
const kept =
  /^(HOME|USER|LOGNAME|SHELL|PATH|PWD|OLDPWD|IFS|ENV|BASH_ENV|BASHOPTS|SHELLOPTS|BASH_VERSINFO|PS4|E?UID|PPID)$/;
const keptFamilies = /^(LD|FLOTILLA|BASH_FUNC)_/;

/** Is this a name that nobody but the system sets? */
export const isKept = (name: string): boolean => kept.test(name) || keptFamilies.test(name);

/**
 * The variables of an `.env` file: `KEY=VALUE` lines, `export` before and comments behind allowed, values bare or in quotes,
 * quoted ones over several lines. What is no assignment is passed over; nothing is expanded.
 */
export function variablesIn(text: string): Variables {
  const found = new Map<string, string>();
  const assignment = /^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*/;
  let room = mostBytes;
  for (let at = 0; at < text.length;) {
    const end = lineEnd(text, at);
    const [head, name = ''] = assignment.exec(text.slice(at, end)) ?? [];
    if (head === undefined) {
      at = end + 1;
      continue;
    }
    const { value, next } = valueAt(text, at + head.length);
    at = next;
    const bytes = Buffer.byteLength(name) + Buffer.byteLength(value);
    if (bytes > Math.min(longestValue, room) || value.includes('\0') || isKept(name)) {
      continue;
    }
    room -= bytes;
    found.set(name, value);
  }
  return found;
}

/** `${NAME}` and `${NAME:-otherwise}` replaced, as `.mcp.json` files use them; an unknown name stays as it is. */
export function expanded(text: string, variables: Variables): string {
  return text.replace(/\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g, (whole, name: string, otherwise: string | undefined) => {
    return variables.get(name) ?? otherwise ?? whole;
  });
}

function valueAt(text: string, from: number): { value: string; next: number } {
  const quote = text.charAt(from);
  const closing = quote === '"' ? closingDouble(text, from + 1) : quote === "'" ? text.indexOf("'", from + 1) : -1;
  if (closing >= 0) {
    const inside = text.slice(from + 1, closing);
    return { value: quote === '"' ? unescaped(inside) : inside, next: lineEnd(text, closing) + 1 };
  }
  const end = lineEnd(text, from);
  const line = text.slice(from, end);
  const comment = /^#|[ \t]#/.exec(line);
  return { value: (comment ? line.slice(0, comment.index) : line).trim(), next: end + 1 };
}

function closingDouble(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return -1;
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
const unescaped = (text: string): string =>
  text.replace(/\\([nrt"\\$])/g, (_whole, sign: string) => escapes[sign] ?? sign);

function lineEnd(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
