import { Invalid } from '../errors/domain-error.js';

/** What an agent in read-only mode may write. What is allowed wins; what is neither is left to the container. */
export interface WritePatterns {
  readonly blocked: readonly string[];
  readonly allowed: readonly string[];
}

const code = 'py js ts jsx tsx vue svelte go rs rb java c cpp h sh bash'.split(' ').map((ending) => `*.${ending}`);
const settings = '.claude/* .env .env.* template.yaml *.yaml *.yml *.json *.toml'.split(' ');

export const defaultPatterns: WritePatterns = {
  blocked: [...code, 'Makefile', 'Dockerfile', 'CLAUDE.md', 'README.md', ...settings],
  allowed: ['content/*', 'output/*', 'reports/*', 'exports/*', '*.log', '*.txt'],
};

const mostPatterns = 200;
const longestPattern = 200;
/** Folders that are mounted one by one. */
const mostFolders = 50;

/** Checks patterns somebody gave. Throws `Invalid`. */
export function patternsOf(given: unknown, name: string): string[] {
  if (!Array.isArray(given) || given.length > mostPatterns) {
    throw new Invalid(`${name} must be a list of at most ${mostPatterns} patterns`, [], 'bad_patterns');
  }
  return given.map((pattern: unknown) => {
    const good = typeof pattern === 'string' && pattern !== '' && pattern.length <= longestPattern;
    // Printable and whole characters only: a database and a file have to hold them.
    if (good && !/[\p{C}]/u.test(pattern)) return pattern;
    throw new Invalid(`${name} must hold texts of 1 to ${longestPattern} characters`, [], 'bad_patterns');
  });
}

/**
 * Is writing to this path (relative to the home) refused? A pattern without a slash is about the last name of a path, at any
 * depth; one with a slash about the path from the home, and `*` in it spans folders.
 */
export function isWriteBlocked(path: string, { blocked, allowed }: WritePatterns): boolean {
  const fits = (pattern: string): boolean => {
    const plain = relative(pattern);
    return plain.includes('/') ? matches(path, plain) : matches(path.slice(path.lastIndexOf('/') + 1), plain);
  };
  return !allowed.some(fits) && blocked.some(fits);
}

/** Folders that are allowed as a whole (`content/*`), so that a container can leave them open. Nothing else can be told apart there. */
export function openFoldersOf({ allowed }: Pick<WritePatterns, 'allowed'>): string[] {
  const folders = allowed.flatMap((pattern) => {
    const folder = /^(.+?)\/\*{1,2}$/.exec(relative(pattern))?.[1];
    if (folder === undefined || /[*?\\:]/.test(folder)) return [];
    const names = folder.split('/');
    return names.some((name) => name === '' || name === '.' || name === '..') ? [] : [folder];
  });
  return [...new Set(folders)].slice(0, mostFolders);
}

const relative = (pattern: string): string => pattern.replace(/^(\/home\/developer\/|\/workspace\/|(\.\/)+)/, '');

/** `*` is any text, `?` one character. Takes one pass with one place to go back to, whatever the pattern. */
function matches(text: string, pattern: string): boolean {
  let at = 0;
  let step = 0;
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    if (step < pattern.length && pattern[step] !== '*' && (pattern[step] === '?' || pattern[step] === text[at])) {
      at += 1;
      step += 1;
    } else if (pattern[step] === '*') {
      star = step++;
      resume = at;
    } else if (star >= 0) {
      step = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern[step] === '*') step += 1;
  return step === pattern.length;
}
