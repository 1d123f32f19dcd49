import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { pack } from 'tar-stream';

/** Everything an image is built from, and the version that names exactly that. */
export interface Recipe {
  readonly runtime: string;
  /** npm packages, separated by blanks; empty for none. */
  readonly packages: string;
  readonly version: string;
}

const packagesFile = 'runtime-packages.json';
const certificates = '/usr/local/share/ca-certificates';

/** `docker/agent` of this installation: the same distance from `src` and from `dist`. */
export const defaultContext = path.resolve(__dirname, '../../../docker/agent');

/** Runtime -> npm packages, as the file beside the Dockerfile lists them. */
export function readPackages(context: string): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(path.join(context, packagesFile), 'utf8')) as Record<string, string>;
}

/** The version changes with the content of the build folder and with the runtime's packages, and with nothing else. */
export function recipeOf(context: string, runtime: string, packages: string): Recipe {
  const hash = createHash('sha256').update(packages);
  for (const name of ownFiles(context)) hash.update(`\0${name}\0`).update(readFileSync(path.join(context, name)));
  return { runtime, packages, version: hash.digest('hex').slice(0, 12) };
}

/** The build folder as a tar, with this machine's own extra certificate authorities, which never lie in the folder itself. */
export async function packContext(context: string): Promise<Buffer> {
  const tar = pack();
  // Fixed times, so that the engine's build cache sees content only.
  const add = (name: string, content: Buffer, mode: number): void => {
    tar.entry({ name, mode, mtime: new Date(0), size: content.length }, content);
  };
  for (const name of ownFiles(context)) add(name, await readFile(path.join(context, name)), modeOf(name));
  tar.entry({ name: 'certs', type: 'directory', mode: 0o755, mtime: new Date(0) });
  for (const name of await certificateNames()) {
    add(`certs/${name}`, await readFile(path.join(certificates, name)), 0o644);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function ownFiles(context: string): readonly string[] {
  return readdirSync(context, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== packagesFile)
    .map((entry) => entry.name)
    .sort();
}

function modeOf(name: string): number {
  return name.endsWith('.sh') ? 0o755 : 0o644;
}

async function certificateNames(): Promise<readonly string[]> {
  const names = await readdir(certificates).catch(() => []);
  return names.filter((name) => name.endsWith('.crt')).sort();
}
