import { Invalid } from '../errors/domain-error.js';
import { clashIn, mcpPath, pathProblem } from './credential-path.rules.js';
import { isObject } from './objects.js';

/** Files with their contents, by path relative to the home. */
export type CredentialFiles = ReadonlyMap<string, Buffer>;

/** Credentials as somebody sent them. */
export interface GivenFiles {
  readonly files: ReadonlyMap<string, string>;
  /** Binary ones, in base64. */
  readonly binary: ReadonlyMap<string, string>;
}

export const mostFiles = 200;
export const mostBytes = 8 * 2 ** 20;

/** Checks everything there is to check before the first file is written. Throws `Invalid`; contents are never repeated. */
export function checkedFiles({ files, binary }: GivenFiles): CredentialFiles {
  if (files.size + binary.size === 0) throw refused('No files were given: name at least one path with its content');
  if (binary.has(mcpPath)) throw refused(`${mcpPath} is text: send it in files`);
  const checked = new Map<string, Buffer>();
  for (const [path, text] of files) checked.set(path, Buffer.from(text, 'utf8'));
  for (const [path, text] of binary) {
    if (checked.has(path)) throw refused('The same path was given as text and as binary: send it once');
    const bytes = fromBase64(text);
    if (!bytes) throw refused('A binary file is not valid base64');
    checked.set(path, bytes);
  }
  requireAllowed(checked);
  const mcp = checked.get(mcpPath);
  if (mcp && !isMcp(mcp.toString('utf8'))) throw refused(`${mcpPath} must be JSON with an object mcpServers`);
  return checked;
}

/** The rules that hold however files came: sent by hand, or out of a bundle. */
export function requireAllowed(files: CredentialFiles): void {
  for (const path of files.keys()) {
    const problem = pathProblem(path);
    if (problem) throw refused(`A path is not allowed for credentials: ${problem}`);
  }
  if (clashIn([...files.keys()]) !== null) throw refused('A path is the folder of another path');
  if (files.size > mostFiles) throw refused(`At most ${mostFiles} files at once`);
  const bytes = [...files.values()].reduce((sum, content) => sum + content.length, 0);
  if (bytes > mostBytes) throw refused(`At most ${mostBytes / 2 ** 20} MiB of credentials at once`);
}

/** Strict: no other characters, right padding. Null when it is not base64. */
export function fromBase64(text: string): Buffer | null {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : null;
}

/** How many `KEY=VALUE` lines an `.env` has that are no comments. */
export function countVariables(env: string): number {
  return env.split(/\r?\n/).filter((line) => /^\s*(export\s+)?[A-Za-z_][\w.-]*\s*=/.test(line)).length;
}

function isMcp(text: string): boolean {
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) && isObject(parsed['mcpServers']);
  } catch {
    return false;
  }
}

const refused = (message: string): Invalid => new Invalid(message, [], 'credentials_refused');
