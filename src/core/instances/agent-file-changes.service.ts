import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import { Forbidden, Invalid, NotFound, TimedOut } from '../errors/domain-error.js';
import { type AgentHome, AgentHomes } from './agent-homes.service.js';
import { ChannelError } from './channel.port.js';
import { counted } from './counted.js';
import { homePathOf, isProtected, isUneditable, largestFile } from './file.rules.js';

export interface Written {
  readonly path: string;
  readonly size: number;
}

export interface Removed {
  readonly path: string;
  readonly type: 'file' | 'directory';
  /** Files that went, those below it included. */
  readonly fileCount: number;
}

/** Emptying a big folder takes its time. */
const removeMs = 60_000;

/** What people change in a running agent's home, done as the agent's own user: links never lead out of it. */
@Injectable()
export class AgentFileChanges {
  constructor(
    private readonly homes: AgentHomes,
    private readonly db: UnitOfWork,
    private readonly audit: Audit,
  ) {}

  /**
   * Writes a whole file; missing folders are made, an existing file keeps its permissions. Bytes that come as a stream are
   * never held whole, and when they break off the file stays as it was. 413 above 100 MB.
   */
  async write(who: Principal, slug: string, path: string, data: string | AsyncIterable<Buffer>): Promise<Written> {
    const home = await this.homes.open(who, { slug }, 'operate');
    const asked = named(homePathOf(path));
    refuseUneditable(home, asked);
    try {
      const target = await present(home, asked);
      refuseUneditable(home, target);
      const before = await home.channel.stat('home', target).catch(missing);
      if (before?.kind === 'directory') throw new Invalid('Path is a directory', [], 'is_a_directory');
      const mode = before?.kind === 'file' ? before.mode : 0o644;
      let size = typeof data === 'string' ? Buffer.byteLength(data) : 0;
      const bytes = typeof data === 'string' ? data : counted(data, largestFile, (sum) => (size = sum));
      await home.channel.write('home', target, bytes, { mode });
      await this.record(who, home, 'agent.file_written', target);
      return { path: target, size };
    } catch (error) {
      throw home.worded(error, path);
    }
  }

  /** Makes a folder and those above it; one that is there already is success. */
  async mkdir(who: Principal, slug: string, path: string): Promise<{ path: string }> {
    const home = await this.homes.open(who, { slug }, 'operate');
    const asked = named(homePathOf(path));
    refuseUneditable(home, asked);
    try {
      const target = await present(home, asked);
      refuseUneditable(home, target);
      await home.channel.mkdir('home', target);
      await this.record(who, home, 'agent.folder_made', target);
      return { path: target };
    } catch (error) {
      throw home.worded(error, path);
    }
  }

  /** A file, a link (never what it points to), or a folder with everything in it. */
  async remove(who: Principal, slug: string, path: string): Promise<Removed> {
    const home = await this.homes.open(who, { slug }, 'operate');
    const asked = named(homePathOf(path));
    refuseProtected(home, asked);
    try {
      const target = await unlinked(home, asked);
      refuseProtected(home, target);
      const info = await home.channel.stat('home', target);
      const fileCount = info.kind === 'directory' ? await this.removeFolder(home, target) : 1;
      if (info.kind !== 'directory') await home.channel.remove('home', target);
      await this.record(who, home, 'agent.file_removed', target);
      return { path: target, type: info.kind === 'directory' ? 'directory' : 'file', fileCount };
    } catch (error) {
      throw home.worded(error, path);
    }
  }

  private async removeFolder(home: AgentHome, path: string): Promise<number> {
    const folder = `${home.folder}/${path}`;
    const counted = await home.channel.run({
      argv: ['find', folder, '-mindepth', '1', '!', '-type', 'd', '-printf', '.'],
      timeoutMs: removeMs,
    });
    const { exitCode } = await home.channel
      .run({ argv: ['rm', '-rf', '--', folder], timeoutMs: removeMs })
      .catch((error: unknown) => {
        if (!(error instanceof ChannelError) || error.fault !== 'timeout') throw error;
        throw new TimedOut('The folder is too large to be removed in time; part of it is gone', 'remove_timeout');
      });
    if (exitCode !== 0) throw new Forbidden('The agent itself may not remove all of this folder', 'denied');
    return counted.stdout.length;
  }

  private record(who: Principal, { agent }: AgentHome, action: string, path: string): Promise<void> {
    return this.db.run((tx) => this.audit.record(tx, { who, action, object: `agent:${agent.id}`, data: { path } }));
  }
}

function named(path: string): string {
  if (path === '') throw new Forbidden('The home itself is protected', 'protected_path');
  return path;
}

function refuseProtected(home: AgentHome, path: string): void {
  if (isProtected(path)) throw new Forbidden('This path is protected', 'protected_path');
  home.requireVisible(path);
}

function refuseUneditable(home: AgentHome, path: string): void {
  // What the owner wrote for the agent is not for those it is shared with.
  if (isUneditable(path) || (!home.owns && isProtected(path))) {
    throw new Forbidden('This path is protected', 'protected_path');
  }
  home.requireVisible(path);
}

/** Where a path that may not exist yet really is. Links inside the home are followed, others refused. */
async function present(home: AgentHome, path: string): Promise<string> {
  const known = await home.resolve(path).catch(missing);
  return known ?? unlinked(home, path);
}

/** A path whose folders are no links any more, as far as they exist; its last name is left as it is. */
async function unlinked(home: AgentHome, path: string): Promise<string> {
  const cut = path.lastIndexOf('/');
  if (cut < 0) return path;
  const folder = await home.resolve(path.slice(0, cut)).catch(missing);
  return folder === null ? path : folder === '' ? path.slice(cut + 1) : `${folder}${path.slice(cut)}`;
}

function missing(error: unknown): null {
  if (error instanceof NotFound) return null;
  if (error instanceof ChannelError && (error.fault === 'not_found' || error.fault === 'not_a_directory')) return null;
  throw error;
}
