import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { AgentRef } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Invalid, NotFound, Upstream } from '../errors/domain-error.js';
import { type AgentHome, AgentHomes } from './agent-homes.service.js';
import { ChannelError, type FileInfo } from './channel.port.js';
import { EngineError } from './engine.errors.js';
import {
  isDraft,
  largestUpload,
  largestUploads,
  magicBytes,
  refusedExtensions,
  requireContent,
  requireExtension,
  uploadNameOf,
} from './upload.rules.js';

/** A file in an agent's folder of uploads. */
export interface Uploaded {
  readonly name: string;
  readonly size: number;
  readonly uploadedAt: Date;
}

export interface Uploads {
  /** By name. */
  readonly files: readonly Uploaded[];
  readonly totalBytes: number;
}

/** Relative to the home. */
const folder = 'uploads';
/** Drafts nobody has written to for this long are what a killed writer left behind. */
const abandonedMs = 3_600_000;

/**
 * Files people hand to a running agent, in `uploads` of its home, written as the agent's own user. A file is there whole or
 * not at all: it takes its name after its last byte was seen to be allowed.
 */
@Injectable()
export class AgentUploads {
  /** Ends of uploads, by agent: two that end at once must not pass the limit together. */
  private readonly ends = new Map<string, Promise<void>>();

  constructor(
    private readonly homes: AgentHomes,
    private readonly db: UnitOfWork,
    private readonly audit: Audit,
    private readonly clock: Clock,
    private readonly config: Config,
  ) {}

  /** Files of a running agent. */
  async list(who: Principal, ref: AgentRef): Promise<Uploads> {
    const home = await this.homes.open(who, ref, 'view');
    return sumOf(await this.files(home));
  }

  /**
   * Stores what `data` yields; a file of that name is replaced. Nothing is held in memory but the piece at hand.
   * Throws `Invalid` for a name, a kind or a size that is not allowed, `Upstream('write_failed')` when it cannot be written.
   */
  async store(
    who: Principal,
    ref: AgentRef,
    given: { readonly name: string; readonly data: AsyncIterable<Buffer> },
  ): Promise<{ readonly file: Uploaded; readonly totalBytes: number }> {
    const home = await this.homes.open(who, ref, 'operate');
    const name = uploadNameOf(given.name);
    requireExtension(name, this.config.refusedUploads ?? refusedExtensions);
    const upload = new IncomingUpload(given.data, {
      others: async () => sumOf((await this.files(home)).filter((file) => file.name !== name)).totalBytes,
      alone: () => this.alone(home.agent.id),
    });
    try {
      await home.channel.write('home', `${folder}/${name}`, upload.checked());
    } catch (error) {
      throw worded(error);
    } finally {
      upload.release();
    }
    const data = { name, size: upload.size };
    const object = `agent:${home.agent.id}`;
    await this.db.run((tx) => this.audit.record(tx, { who, action: 'agent.file_uploaded', object, data }));
    const file = { name, size: upload.size, uploadedAt: this.clock.now() };
    return { file, totalBytes: upload.otherBytes + upload.size };
  }

  async remove(who: Principal, ref: AgentRef, name: string): Promise<void> {
    const home = await this.homes.open(who, ref, 'operate');
    const files = await this.files(home);
    if (!files.some((file) => file.name === name)) throw new NotFound('file', name);
    await home.channel.remove('home', `${folder}/${name}`).catch((error: unknown) => {
      throw error instanceof ChannelError && error.fault === 'not_found' ? new NotFound('file', name) : worded(error);
    });
    const object = `agent:${home.agent.id}`;
    await this.db.run((tx) => this.audit.record(tx, { who, action: 'agent.file_removed', object, data: { name } }));
  }

  /** Waits for its turn; the returned function ends it. */
  private async alone(agentId: string): Promise<() => void> {
    const before = this.ends.get(agentId);
    let over = (): void => undefined;
    const mine = new Promise<void>((resolve) => (over = resolve));
    this.ends.set(agentId, mine);
    await before;
    return () => {
      over();
      if (this.ends.get(agentId) === mine) this.ends.delete(agentId);
    };
  }

  private async files(home: AgentHome): Promise<Uploaded[]> {
    const found = await home.channel.list('home', folder).catch((error: unknown) => {
      if (error instanceof ChannelError && error.fault === 'not_found') return [];
      throw worded(error);
    });
    await this.sweep(home, found);
    return found
      .filter((file) => file.kind === 'file' && !isDraft(file.name))
      .map(({ name, size, modifiedAt }) => ({ name, size, uploadedAt: modifiedAt }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Removes what writers left behind that were killed with the container, or in it. */
  private async sweep(home: AgentHome, found: readonly FileInfo[]): Promise<void> {
    const old = this.clock.now().getTime() - abandonedMs;
    const since = Math.max(old, home.runsSince?.getTime() ?? 0);
    const left = found.filter(({ name, modifiedAt }) => isDraft(name) && modifiedAt.getTime() < since - 1000);
    for (const { name } of left) await home.channel.remove('home', `${folder}/${name}`).catch(() => undefined);
  }
}

/** One upload on its way: counts, looks at the start, and asks at the end whether there is room. */
class IncomingUpload {
  size = 0;
  /** Bytes of the other files when it ended. */
  otherBytes = 0;
  release = (): void => undefined;

  constructor(
    private readonly data: AsyncIterable<Buffer>,
    private readonly room: {
      readonly others: () => Promise<number>;
      /** Waits until no other upload of the agent is ending. */
      readonly alone: () => Promise<() => void>;
    },
  ) {}

  async *checked(): AsyncGenerator<Buffer, void, undefined> {
    const free = largestUploads - (await this.room.others());
    let start: Buffer | null = Buffer.alloc(0);
    for await (const piece of this.data) {
      this.size += piece.length;
      if (this.size > largestUpload) throw tooLarge();
      if (this.size > free) throw full();
      if (!start) {
        yield piece;
        continue;
      }
      start = Buffer.concat([start, piece]);
      if (start.length < magicBytes) continue;
      requireContent(start);
      yield start;
      start = null;
    }
    if (start) {
      requireContent(start);
      yield start;
    }
    // The file takes its name as soon as this ends, before anybody else is let in.
    this.release = await this.room.alone();
    this.otherBytes = await this.room.others();
    if (this.otherBytes + this.size > largestUploads) throw full();
  }
}

const tooLarge = (): Invalid =>
  new Invalid(`A file may have at most ${largestUpload} bytes`, [], 'file_too_large', { field: 'file' });
const full = (): Invalid =>
  new Invalid(`All files of an agent may have at most ${largestUploads} bytes`, [], 'storage_limit', { field: 'file' });

const sumOf = (files: readonly Uploaded[]): Uploads => ({
  files,
  totalBytes: files.reduce((sum, file) => sum + file.size, 0),
});

function worded(error: unknown): unknown {
  if (error instanceof ChannelError && error.fault === 'is_a_directory') {
    return new Invalid('A folder has this name', [], 'invalid_request', { field: 'file' });
  }
  if (!(error instanceof ChannelError || error instanceof EngineError)) return error;
  return new Upstream('The file could not be written into the agent', 'write_failed', { cause: error });
}
