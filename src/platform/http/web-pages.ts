import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Pages of the web build, for routes that serve one under a path of their own. */
export class WebPages {
  /** `root` null: nothing is built. */
  constructor(private readonly root: string | null) {}

  /** Null: it is not built. */
  async read(name: string): Promise<string | null> {
    if (this.root === null) return null;
    try {
      return await readFile(join(this.root, name), 'utf8');
    } catch {
      return null;
    }
  }
}
