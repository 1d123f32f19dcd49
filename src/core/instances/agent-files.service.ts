import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import { BadRequestForm, Conflict, Invalid } from '../errors/domain-error.js';
import { type AgentHome, AgentHomes } from './agent-homes.service.js';
import { ChannelError, type Channel, type FileInfo } from './channel.port.js';
import { homePathOf, largestFile } from './file.rules.js';

/** One entry of a tree; directories carry their children. */
export interface TreeEntry {
  readonly name: string;
  /** Relative to the home. */
  readonly path: string;
  readonly type: 'file' | 'directory';
  readonly modifiedAt: Date;
  readonly size: number;
  readonly children: readonly TreeEntry[];
  /** Files in it and below it. */
  readonly fileCount: number;
}

export interface Tree {
  readonly path: string;
  readonly entries: readonly TreeEntry[];
  readonly totalFiles: number;
  readonly truncated: boolean;
}

export interface Download {
  readonly name: string;
  readonly size: number;
  /** At most the first MiB, to see what it is. */
  readonly start: Buffer;
  /** Pieces of at most 1 MiB. */
  readonly data: AsyncIterable<Buffer> | Iterable<Buffer>;
}

const deepest = 20;
const mostEntries = 10_000;
const piece = 1024 * 1024;

/** Files in a running agent's home, read as the agent's own user: links are never followed out of it. */
@Injectable()
export class AgentFiles {
  constructor(private readonly homes: AgentHomes) {}

  /** Directories first, then by name. Depth 20 and 10,000 entries at most, then `truncated`. */
  async tree(who: Principal, slug: string, path: string, showHidden: boolean): Promise<Tree> {
    const home = await this.homes.open(who, { slug }, 'view');
    const base = await home.resolve(homePathOf(path));
    const walk = new TreeWalk(home, showHidden);
    const entries = await walk.list(base, 0).catch((error: unknown) => {
      throw home.worded(error, path);
    });
    return { path: base, entries, totalFiles: countFiles(entries), truncated: walk.truncated };
  }

  /** Throws `Invalid` for what is no file, 413 above 100 MB. */
  async download(who: Principal, slug: string, path: string): Promise<Download> {
    const home = await this.homes.open(who, { slug }, 'view');
    const asked = homePathOf(path);
    home.requireVisible(asked);
    const resolved = await home.resolve(asked);
    home.requireVisible(resolved);
    try {
      const info = await home.channel.stat('home', resolved);
      if (info.kind !== 'file') throw new Invalid('Path is not a file', [], 'not_a_file');
      if (info.size > largestFile) throw new BadRequestForm(413, 'The file is larger than 100 MB');
      const first = await home.channel.read('home', resolved, { length: piece });
      // As large as it was when it was opened: it may have changed since it was looked at.
      return {
        name: resolved.split('/').pop() ?? 'file',
        size: first.size,
        start: first.data,
        data: first.data.length >= first.size ? [first.data] : rest(home.channel, resolved, first.data),
      };
    } catch (error) {
      throw home.worded(error, path);
    }
  }

  /** A small text file, or null when there is none (or it is none of the caller's business). */
  async text(who: Principal, slug: string, path: string): Promise<string | null> {
    const home = await this.homes.open(who, { slug }, 'view');
    try {
      return (await home.channel.read('home', path, { length: 256 * 1024 })).data.toString('utf8');
    } catch (error) {
      if (error instanceof ChannelError && error.fault !== 'closed' && error.fault !== 'timeout') return null;
      throw error;
    }
  }
}

class TreeWalk {
  truncated = false;
  private seen = 0;

  constructor(
    private readonly home: AgentHome,
    private readonly showHidden: boolean,
  ) {}

  async list(path: string, depth: number): Promise<TreeEntry[]> {
    const found = await this.home.channel.list('home', path === '' ? '.' : path, mostEntries + 1);
    if (found.length > mostEntries) this.truncated = true;
    const shown = found.filter((file) => this.showHidden || !file.name.startsWith('.')).sort(inOrder);
    const entries: TreeEntry[] = [];
    for (const file of shown) {
      const below = path === '' ? file.name : `${path}/${file.name}`;
      if (!this.home.visible(below)) continue;
      if (this.seen >= mostEntries) {
        this.truncated = true;
        break;
      }
      this.seen += 1;
      entries.push(file.kind === 'directory' ? await this.folder(file, below, depth) : leaf(file, below));
    }
    return entries;
  }

  private async folder(file: FileInfo, path: string, depth: number): Promise<TreeEntry> {
    let children: TreeEntry[] = [];
    if (depth + 1 >= deepest) this.truncated = true;
    else children = await this.list(path, depth + 1).catch(passOver);
    const fileCount = countFiles(children);
    return { name: file.name, path, type: 'directory', modifiedAt: file.modifiedAt, size: 0, children, fileCount };
  }
}

/** A branch that vanished or may not be read is left out; a broken channel is not a branch. */
function passOver(error: unknown): TreeEntry[] {
  if (error instanceof ChannelError && error.fault !== 'closed' && error.fault !== 'timeout') return [];
  if (error instanceof Conflict) return [];
  throw error;
}

const leaf = (file: FileInfo, path: string): TreeEntry => ({
  name: file.name,
  path,
  type: 'file',
  modifiedAt: file.modifiedAt,
  size: file.size,
  children: [],
  fileCount: 1,
});

const countFiles = (entries: readonly TreeEntry[]): number => entries.reduce((sum, entry) => sum + entry.fileCount, 0);

const names = new Intl.Collator('en', { sensitivity: 'base' });

function inOrder(a: FileInfo, b: FileInfo): number {
  const folders = Number(b.kind === 'directory') - Number(a.kind === 'directory');
  return folders || names.compare(a.name, b.name) || (a.name < b.name ? -1 : 1);
}

async function* rest(channel: Channel, path: string, first: Buffer): AsyncIterable<Buffer> {
  let data = first;
  for (let at = 0; data.length > 0;) {
    at += data.length;
    // The next one is on its way while this one is sent.
    const next = channel.read('home', path, { offset: at, length: piece });
    next.catch(() => undefined);
    yield data;
    ({ data } = await next);
  }
}
