/** One scripted step of a user message. */
export type Step =
  | { readonly op: 'write'; readonly path: string; readonly text: string }
  | { readonly op: 'bash'; readonly command: string }
  | { readonly op: 'read'; readonly path: string }
  | { readonly op: 'ask'; readonly question: string; readonly options: readonly string[] }
  | { readonly op: 'say'; readonly text: string }
  | { readonly op: 'slow'; readonly count: number; readonly waitMs: number }
  | { readonly op: 'fail'; readonly status: number };

const marker = /<<(write|bash|read|ask|say|slow|fail)(?:[ \t\r\n]+((?:\\>|[^\\]|\\(?!>))*?))?>>(?!>)/g;
const maxChunks = 10_000;
const maxWaitMs = 60_000;

/**
 * The steps in a text, in order. `\>` inside a step means `>`, so that `\>\>` does not end it.
 * A step whose arguments make no sense becomes a `say` that names the mistake; unknown words in `<< >>` are ordinary text.
 */
export function parseSteps(text: string): Step[] {
  return [...text.matchAll(marker)].map((match) => {
    const op = match[1] ?? '';
    const argument = (match[2] ?? '').replaceAll('\\>', '>').trim();
    return stepOf(op, argument) ?? { op: 'say', text: `The step <<${op} ${argument}>> lacks something: ${forms[op]}.` };
  });
}

/** The text without its steps. */
export function withoutSteps(text: string): string {
  return text.replace(marker, ' ').replace(/\s+/g, ' ').trim();
}

const forms: Readonly<Record<string, string>> = {
  write: '<<write PATH TEXT>>',
  bash: '<<bash COMMAND>>',
  read: '<<read PATH>>',
  ask: '<<ask>> or <<ask QUESTION | OPTION | OPTION>>',
  say: '<<say TEXT>>',
  slow: '<<slow N MS>>, N from 1 to 10000 and MS up to 60000',
  fail: '<<fail STATUS>>, a status from 400 to 599',
};

function stepOf(op: string, argument: string): Step | null {
  const [first = '', ...others] = argument.split(/\s+/);
  const rest = argument.slice(first.length).trim();
  switch (op) {
    case 'write':
      return first === '' ? null : { op, path: first, text: rest };
    case 'bash':
      return first === '' ? null : { op, command: argument };
    case 'read':
      return first === '' ? null : { op, path: argument };
    case 'ask':
      return askOf(argument);
    case 'say':
      return first === '' ? null : { op, text: argument };
    case 'slow': {
      const count = whole(first, 1, maxChunks);
      const waitMs = whole(others[0] ?? '', 0, maxWaitMs);
      return count === null || waitMs === null ? null : { op, count, waitMs };
    }
    case 'fail': {
      const status = whole(first, 400, 599);
      return status === null ? null : { op, status };
    }
    default:
      return null;
  }
}

function askOf(argument: string): Step {
  const [question = '', ...options] = argument.split('|').map((part) => part.trim());
  const named = options.filter((option) => option !== '');
  return {
    op: 'ask',
    question: question === '' ? 'Which database should I use?' : question,
    options: named.length > 1 ? named : ['PostgreSQL', 'SQLite'],
  };
}

function whole(text: string, least: number, most: number): number | null {
  if (!/^\d{1,6}$/.test(text)) return null;
  const value = Number(text);
  return value >= least && value <= most ? value : null;
}
