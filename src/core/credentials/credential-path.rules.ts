/** Where credentials may be put, below an agent's home. Pure rules: the channel keeps the walk itself inside the home. */

/** The bundle itself: it may be brought in, and is never part of a bundle. */
export const bundlePath = '.credentials.enc';
export const mcpPath = '.mcp.json';
export const envPath = '.env';

const startFiles = new Set(
  [
    ...['.bashrc', '.bash_profile', '.bash_login', '.bash_logout', '.bash_aliases', '.profile', '.shrc', '.inputrc'],
    ...['.zshrc', '.zshenv', '.zprofile', '.zlogin', '.zlogout', '.kshrc', '.cshrc', '.tcshrc', '.login', '.logout'],
    ...['.xprofile', '.xsessionrc', '.pam_environment'],
  ].map((name) => name.toLowerCase()),
);
const agentFiles = new Set(['claude.md', 'agents.md', 'gemini.md', '.gitconfig', '.mcp.json.template']);

/** What steers programs instead of signing them in. Compared in lower case: some file systems know no difference. */
const denied: readonly ((path: string, names: readonly string[]) => boolean)[] = [
  (_path, names) => startFiles.has(names.at(-1) ?? '') || agentFiles.has(names.at(-1) ?? ''),
  (_path, names) => names.some((name) => name === '.git' || name === '.claude'),
  (path) => /^\.(codex|gemini|opencode)\//.test(path) || /^\.config\/(opencode|flotilla)\//.test(path),
  (path) => /^\.config\/(fish|systemd|environment\.d)\//.test(path),
  (path) => /^(bin|\.local\/bin)\//.test(path),
  (path) => path.startsWith('.ssh/') && !/^\.ssh\/id_[^/]+$/.test(path),
];

const allowed: readonly RegExp[] = [
  /^\.env$/,
  /^\.credentials\.enc$/,
  /^\.mcp\.json$/,
  /^\.config\/gcloud\/./,
  /^\.kube\/config$/,
  /^\.ssh\/id_[^/]+$/,
  /(^|\/)[^/]+\.(pem|key|crt|cert|p12|pfx)$/i,
];

/** Why a path may not take a credential; null when it may. The sentence repeats nothing of the path. */
export function pathProblem(path: string): string | null {
  if (path === '') return 'a path is empty';
  if (path.startsWith('/')) return 'paths are relative to the home and begin without a slash';
  if (path.includes('\\') || hasControl(path)) return 'a path holds a character that is not allowed';
  if (path.length > 1024) return 'a path is too long';
  const names = path.split('/');
  if (names.some((name) => name === '' || name === '.' || name === '..')) return 'a path has an empty, . or .. part';
  if (names.some((name) => Buffer.byteLength(name) > 255)) return 'a path has a name that is too long';
  const lower = path.toLowerCase();
  const lowerNames = lower.split('/');
  if (denied.some((rule) => rule(lower, lowerNames))) return 'files that steer programs are not credentials';
  if (!allowed.some((pattern) => pattern.test(path))) {
    return 'only .env, .mcp.json, .credentials.enc, .config/gcloud/, .kube/config, .ssh/id_* and *.pem, *.key, *.crt, *.cert, *.p12, *.pfx are';
  }
  return null;
}

// NUL ends a path in the kernel, line ends forge log lines; no credential file is called so.
const hasControl = (path: string): boolean => Buffer.from(path).some((byte) => byte < 32 || byte === 127);

/** A path that is a folder of another one: both cannot be files. Null when there is none. */
export function clashIn(paths: readonly string[]): string | null {
  const all = new Set(paths);
  const clash = paths.find((path) => {
    const names = path.split('/');
    return names.some((_name, at) => at > 0 && all.has(names.slice(0, at).join('/')));
  });
  return clash ?? null;
}
