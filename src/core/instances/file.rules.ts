import { Forbidden, Invalid } from '../errors/domain-error.js';

/** The largest file that goes in or out in one call. */
export const largestFile = 100 * 1024 * 1024;

/** What people call an agent's home in paths. */
const homeNames = ['/home/developer', '/workspace'];

/**
 * A path as a person gave it -> path relative to the home, without `.` and `..`; the empty text is the home itself.
 * Throws `Forbidden` when it leads out of the home.
 */
export function homePathOf(given: string): string {
  if (given.includes('\0')) throw new Invalid('path must not contain NUL', [], 'invalid_path');
  if (given.length > 4096) throw new Invalid('path is too long', [], 'invalid_path');
  const home = homeNames.find((name) => given === name || given.startsWith(`${name}/`));
  if (home === undefined && given.startsWith('/')) throw outside();
  const steps: string[] = [];
  for (const step of given.slice(home?.length ?? 0).split('/')) {
    if (step === '' || step === '.') continue;
    if (step !== '..') steps.push(step);
    else if (steps.pop() === undefined) throw outside();
  }
  return steps.join('/');
}

export const outside = (): Forbidden =>
  new Forbidden('Access denied: the path leads out of the workspace', 'outside_home');

/** Credentials and the runtime's own stores: only the owner gets them. */
const privatePatterns: readonly RegExp[] = [
  /^\.env(\..*)?$/,
  /^\.credentials\.enc$/,
  /^\.mcp\.json$/,
  /\.(pem|key|p12|pfx)$/i,
  /^\.(ssh|aws|gnupg|kube|docker|claude|codex|gemini|scripted)(\/|$)/,
  /^\.claude\.json/,
  /^\.config\/(gcloud|flotilla|opencode|gh)(\/|$)/,
  /^\.local\/share\/opencode(\/|$)/,
  /^\.(netrc|npmrc|pgpass|git-credentials)$/,
  /(^|\/)\.env(\..*)?$/,
];

/** Is this path (relative to the home) for the owner's eyes only? */
export const isPrivate = (path: string): boolean => privatePatterns.some((pattern) => pattern.test(path));

/** What makes the agent what it is: never removed on request, wherever it lies, and nothing inside it. */
const protectedNames: ReadonlySet<string> = new Set([
  'CLAUDE.md',
  '.trinity',
  '.git',
  '.gitignore',
  '.env',
  '.mcp.json',
  '.mcp.json.template',
]);

/** May this path (relative to the home) not be removed? */
export const isProtected = (path: string): boolean => path.split('/').some((name) => protectedNames.has(name));

/** May this path not be written either? Instructions are there to be edited; credentials have a way of their own. */
export const isUneditable = (path: string): boolean =>
  path.split('/').some((name) => name !== 'CLAUDE.md' && protectedNames.has(name));
