import { Logger } from '@nestjs/common';
import type { CredentialFiles } from '../credentials/credential-files.js';
import { crashPoint } from '../crash-point.js';
import { ChannelError, type Channel, type FileInfo } from './channel.port.js';

/** How a path was before: its content, or null when there was no regular file. */
interface Before {
  readonly path: string;
  readonly content: Buffer | null;
  readonly mode: number;
}

const pieceBytes = 2 ** 20;
/** For their owner only. */
const privateMode = 0o600;
/** A file larger than this is no credential; it is replaced, and cannot be put back. */
const largestKept = 16 * pieceBytes;

/**
 * Writes several files into a home as one change: everything in the way is found before the first is written, and what
 * was written is put back when a later one fails. Each single file is replaced whole; links are never followed. A server that
 * dies in between leaves some new and some old, each whole: nobody was told that it is done, and asking again completes it.
 */
export class CredentialWriter {
  private readonly logger = new Logger(CredentialWriter.name);
  private readonly folders = new Map<string, boolean>();

  constructor(private readonly channel: Channel) {}

  async write(files: CredentialFiles): Promise<void> {
    const before: Before[] = [];
    for (const path of files.keys()) before.push(await this.look(path));
    const done: Before[] = [];
    try {
      for (const one of before) {
        const content = files.get(one.path) ?? Buffer.alloc(0);
        // What is so already needs no writing: a home that is closed for writing has its credentials from before.
        if (one.mode === privateMode && one.content?.equals(content)) continue;
        await this.makeFolders(one.path);
        await this.channel.write('home', one.path, content, { mode: privateMode, sync: true });
        done.push(one);
        crashPoint('credentials.file');
      }
    } catch (error) {
      for (const one of done.reverse()) await this.putBack(one);
      throw error;
    }
  }

  private async look(path: string): Promise<Before> {
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth += 1) {
      if (!(await this.isFolder(names.slice(0, depth).join('/')))) return { path, content: null, mode: 0 };
    }
    const found = await this.stat(path);
    if (found?.kind === 'directory') throw new ChannelError('is_a_directory', 'is a directory');
    if (found?.kind !== 'file' || found.size > largestKept) return { path, content: null, mode: 0 };
    return { path, content: await this.content(path), mode: found.mode };
  }

  /** False when there is nothing yet; throws for a link or a file. */
  private async isFolder(path: string): Promise<boolean> {
    const known = this.folders.get(path);
    if (known !== undefined) return known;
    const found = await this.stat(path);
    if (found?.kind === 'link') throw new ChannelError('link_refused', 'a symbolic link stands in the path');
    if (found && found.kind !== 'directory') throw new ChannelError('not_a_directory', 'not a directory');
    this.folders.set(path, found !== null);
    return found !== null;
  }

  /** Folders for credentials are for their owner only. */
  private async makeFolders(path: string): Promise<void> {
    const names = path.split('/');
    for (let depth = 1; depth < names.length; depth += 1) {
      const folder = names.slice(0, depth).join('/');
      if (this.folders.get(folder) === true) continue;
      await this.channel.mkdir('home', folder, 0o700);
      this.folders.set(folder, true);
    }
  }

  private async putBack({ path, content, mode }: Before): Promise<void> {
    const work = content
      ? this.channel.write('home', path, content, { mode, sync: true })
      : this.channel.remove('home', path);
    await work.catch((error: unknown) => this.logger.warn('A credential file could not be put back', error));
  }

  private async content(path: string): Promise<Buffer> {
    const pieces: Buffer[] = [];
    for (let at = 0; ;) {
      const { data, size } = await this.channel.read('home', path, { offset: at, length: pieceBytes });
      pieces.push(data);
      at += data.length;
      if (data.length === 0 || at >= size) return Buffer.concat(pieces);
    }
  }

  private async stat(path: string): Promise<FileInfo | null> {
    try {
      return await this.channel.stat('home', path);
    } catch (error) {
      if (error instanceof ChannelError && error.fault === 'not_found') return null;
      throw error;
    }
  }
}
