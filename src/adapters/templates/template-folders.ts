import { constants } from 'node:fs';
import { lstat, open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { Invalid, NotFound } from '../../core/errors/domain-error.js';
import { type TemplateFile, TemplateFolders } from '../../core/library/template-folders.port.js';

/** Templates that come with the product. */
const shipped = path.resolve(__dirname, 'shipped');

const nameForm = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const mostFiles = 2000;
const largestFile = 10 * 2 ** 20;
const largestTemplate = 100 * 2 ** 20;
const deepest = 20;
/** History of a template is nobody's business. */
const leftOut = new Set(['.git', 'node_modules']);

/** Template folders on disk: one of the installation's own, which wins, and the shipped ones. Links are never followed. */
export class DiskTemplateFolders extends TemplateFolders {
  private readonly roots: readonly string[];

  constructor(own: string | null, more: readonly string[] = [shipped]) {
    super();
    this.roots = own === null ? more : [own, ...more];
  }

  async names(): Promise<readonly string[]> {
    const found = await Promise.all(
      this.roots.map(async (root) => {
        const entries = await readdir(root, { withFileTypes: true }).catch(() => []);
        return entries.filter((entry) => entry.isDirectory() && nameForm.test(entry.name)).map(({ name }) => name);
      }),
    );
    const names = [...new Set(found.flat())].sort();
    const folders = await Promise.all(names.map((name) => this.folderOf(name)));
    return names.filter((_, index) => folders[index] !== null);
  }

  async document(name: string): Promise<string | null> {
    const folder = await this.folderOf(name);
    if (folder === null) return null;
    return (await contentOf(path.join(folder, 'template.yaml'), 'template.yaml')).data.toString('utf8');
  }

  async *files(name: string): AsyncIterable<TemplateFile> {
    const folder = await this.folderOf(name);
    if (folder === null) throw new NotFound('template', name);
    let count = 0;
    let bytes = 0;
    for await (const file of walk(folder, '', 0)) {
      count += 1;
      bytes += file.data.length;
      if (count > mostFiles || bytes > largestTemplate) {
        throw new Invalid(`Template ${name} is too large: at most ${mostFiles} files and 100 MB`, [], 'template_size');
      }
      yield file;
    }
  }

  /** The first folder of this name that holds a `template.yaml`; null when there is none. */
  private async folderOf(name: string): Promise<string | null> {
    if (!nameForm.test(name) || name.includes('..')) return null;
    for (const root of this.roots) {
      const folder = path.join(root, name);
      const [own, document] = await Promise.all([isKind(folder, 'folder'), isKind(`${folder}/template.yaml`, 'file')]);
      if (own && document) return folder;
    }
    return null;
  }
}

async function isKind(place: string, kind: 'file' | 'folder'): Promise<boolean> {
  const found = await lstat(place).catch(() => null);
  return found !== null && (kind === 'file' ? found.isFile() : found.isDirectory());
}

async function* walk(root: string, below: string, depth: number): AsyncIterable<TemplateFile> {
  if (depth >= deepest) return;
  const entries = await readdir(path.join(root, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (leftOut.has(entry.name)) continue;
    const inside = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) yield* walk(root, inside, depth + 1);
    else if (entry.isFile()) yield { path: inside, ...(await contentOf(path.join(root, inside), inside)) };
  }
}

/** Opened without following a link, and measured through what was opened. */
async function contentOf(place: string, shown: string): Promise<Omit<TemplateFile, 'path'>> {
  const file = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const { size, mode } = await file.stat();
    if (size > largestFile) throw new Invalid(`${shown} of the template is larger than 10 MB`, [], 'template_size');
    return { data: await file.readFile(), mode: mode & 0o111 ? 0o755 : 0o644 };
  } finally {
    await file.close();
  }
}
