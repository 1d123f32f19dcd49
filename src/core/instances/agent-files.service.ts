import { Injectable } from '@nestjs/common';
import { Access } from '../access/access.service.js';
import { includes } from '../access/access.rules.js';
import type { Principal } from '../access/principal.js';
import { BadRequestForm, Conflict, Forbidden, Invalid, NotFound } from '../errors/domain-error.js';
import { ChannelError, Channels, type Channel, type FileInfo } from './channel.port.js';
import { ContainerEngine } from './engine.port.js';
import { homePathOf, isPrivate, outside } from './file.rules.js';
import { InstancesService } from './instances.service.js';

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
  /** Pieces of at most 1 MiB. */
  readonly data: AsyncIterable<Buffer> | Iterable<Buffer>;
}

const deepest = 20;
const mostEntries = 10_000;
const largestDownload = 100 * 1024 * 1024;
const piece = 1024 * 1024;

/** Files in a running agent's home, read as the agent's own user: links are never followed out of it. */
@Injectable()
export class AgentFiles {
  constructor(
    private readonly access: Access,
    private readonly instances: InstancesService,
    private readonly channels: Channels,
    private readonly engine: ContainerEngine,
  ) {}

  /** Directories first, then by name. Depth 20 and 10,000 entries at most, then `truncated`. */
  async tree(who: Principal, slug: string, path: string, showHidden: boolean): Promise<Tree> {
    const home = await this.home(who, slug);
    const base = await home.resolve(homePathOf(path));
    const walk = new TreeWalk(home, showHidden);
    const entries = await walk.list(base, 0).catch((error: unknown) => {
      throw home.worded(error, path);
    });
    return { path: base, entries, totalFiles: countFiles(entries), truncated: walk.truncated };
  }

  /** Throws `Invalid` for what is no file, 413 above 100 MB. */
  async download(who: Principal, slug: string, path: string): Promise<Download> {
    const home = await this.home(who, slug);
    const asked = homePathOf(path);
    home.requireVisible(asked);
    const resolved = await home.resolve(asked);
    home.requireVisible(resolved);
    try {
      const info = await home.channel.stat('home', resolved);
      if (info.kind !== 'file') throw new Invalid('Path is not a file', [], 'not_a_file');
      if (info.size > largestDownload) throw new BadRequestForm(413, 'The file is larger than 100 MB');
      const first = await home.channel.read('home', resolved, { length: piece });
      // As large as it was when it was opened: it may have changed since it was looked at.
      return {
        name: resolved.split('/').pop() ?? 'file',
        size: first.size,
        data: first.data.length >= first.size ? [first.data] : rest(home.channel, resolved, first.data),
      };
    } catch (error) {
      throw home.worded(error, path);
    }
  }

  /** A small text file, or null when there is none (or it is none of the caller's business). */
  async text(who: Principal, slug: string, path: string): Promise<string | null> {
    const home = await this.home(who, slug);
    try {
      return (await home.channel.read('home', path, { length: 256 * 1024 })).data.toString('utf8');
    } catch (error) {
      if (error instanceof ChannelError && error.fault !== 'closed' && error.fault !== 'timeout') return null;
      throw error;
    }
  }

  private async home(who: Principal, slug: string): Promise<Home> {
    const agent = await this.access.agent(who, { slug }, 'view');
    const instance = await this.instances.findOf(agent.id);
    if (instance?.state !== 'running' || !instance.ref) {
      throw new Invalid('Agent must be running to access its files', [], 'agent_not_running');
    }
    const right = await this.access.rightOn(who, agent);
    const channel = await this.channels.of({ instanceId: instance.id, ref: instance.ref }, 'developer');
    const owns = right !== null && includes(right, 'own');
    return new Home(channel, this.engine.pathOf(instance.ref, 'home'), owns);
  }
}

/** One agent's home as one caller may see it. */
class Home {
  constructor(
    readonly channel: Channel,
    private readonly folder: string,
    private readonly owns: boolean,
  ) {}

  visible(path: string): boolean {
    return this.owns || !isPrivate(path);
  }

  requireVisible(path: string): void {
    if (!this.visible(path)) throw new Forbidden('Only the owner may read this file', 'private_file');
  }

  /** Follows links as long as they stay in the home; the answer holds none. */
  async resolve(path: string): Promise<string> {
    if (path === '') return '';
    const argv = ['readlink', '-e', '-n', '-z', '--', `${this.folder}/${path}`];
    const { exitCode, stdout } = await this.channel.run({ argv, timeoutMs: 10_000 });
    if (exitCode !== 0) throw new NotFound('file', path);
    const real = stdout.toString('utf8').replace(/\0+$/, '');
    if (real === this.folder) return '';
    if (!real.startsWith(`${this.folder}/`)) throw outside();
    return real.slice(this.folder.length + 1);
  }

  worded(error: unknown, path: string): unknown {
    if (!(error instanceof ChannelError)) return error;
    switch (error.fault) {
      case 'not_found':
        return new NotFound('file', path);
      case 'not_a_directory':
        return new Invalid('Path is not a directory', [], 'not_a_directory');
      case 'is_a_directory':
      case 'not_a_file':
        return new Invalid('Path is not a file', [], 'not_a_file');
      case 'link_refused':
      case 'outside':
        return outside();
      case 'denied':
        return new Forbidden('The agent itself may not read this path', 'denied');
      default:
        return error;
    }
  }
}

class TreeWalk {
  truncated = false;
  private seen = 0;

  constructor(
    private readonly home: Home,
    private readonly showHidden: boolean,
  ) {}

  async list(path: string, depth: number): Promise<TreeEntry[]> {
    const found = await this.home.channel.list('home', path === '' ? '.' : path, mostEntries);
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

function inOrder(a: FileInfo, b: FileInfo): number {
  const folders = Number(b.kind === 'directory') - Number(a.kind === 'directory');
  return folders || a.name.localeCompare(b.name, 'en', { sensitivity: 'base' }) || (a.name < b.name ? -1 : 1);
}

async function* rest(channel: Channel, path: string, first: Buffer): AsyncIterable<Buffer> {
  let at = first.length;
  if (at > 0) yield first;
  while (at > 0) {
    const { data } = await channel.read('home', path, { offset: at, length: piece });
    if (data.length === 0) return;
    at += data.length;
    yield data;
  }
}
