import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Channels, type Following } from '../instances/channel.port.js';
import type { Instance } from '../instances/instance.entity.js';
import { Generation } from '../runtimes/generation.entity.js';
import { folderOf } from '../runtimes/spool.service.js';
import { Ingest, type AfterIngest } from './ingest.service.js';
import { JournalFold, type Effect } from './journal.fold.js';
import { LineSplitter } from './line-splitter.js';
import { Session } from './session.entity.js';

export interface FollowerListener {
  stored(instance: Instance, generation: number, after: AfterIngest): void;
  /** The journal can be read no more, although nobody asked to stop: the channel broke. */
  cut(instance: Instance): void;
}

interface Reader {
  readonly generation: number;
  readonly boot: string | null;
  following: Following | null;
  stopped: boolean;
}

/** Reads the journals of living generations, each by one reader of this process, from the stored cursor on. */
@Injectable()
export class JournalFollower {
  private readonly logger = new Logger(JournalFollower.name);
  private readonly readers = new Map<string, Reader>();

  constructor(
    private readonly db: UnitOfWork,
    private readonly channels: Channels,
    private readonly ingest: Ingest,
  ) {}

  follows(instance: Instance, generation: number): boolean {
    const reader = this.readers.get(instance.id);
    return reader?.generation === generation && reader.boot === instance.boot;
  }

  /** Starts reading a generation's journal, unless this process does already. */
  async start(instance: Instance, generation: number, listener: FollowerListener): Promise<void> {
    if (this.follows(instance, generation)) return;
    this.stop(instance.id);
    const reader: Reader = { generation, boot: instance.boot, following: null, stopped: false };
    this.readers.set(instance.id, reader);
    try {
      const journal = await this.open(instance, generation);
      const channel = await this.channels.of({ instanceId: instance.id, ref: instance.ref ?? '' }, 'root');
      if (reader.stopped) return;
      const path = `${folderOf(generation)}/journal`;
      reader.following = channel.follow('run', path, journal.cursor, async (data) => {
        if (reader.stopped) return;
        const after = await journal.store(data);
        if (after) listener.stored(instance, generation, after);
      });
      void reader.following.ended
        .catch((error: unknown) => {
          if (!reader.stopped) this.logger.warn(`Journal of ${instance.id} was cut: ${textOf(error)}`);
        })
        .finally(() => {
          if (reader.stopped) return;
          this.readers.delete(instance.id);
          listener.cut(instance);
        });
    } catch (error) {
      if (this.readers.get(instance.id) === reader) this.readers.delete(instance.id);
      throw error;
    }
  }

  stop(instanceId: string): void {
    const reader = this.readers.get(instanceId);
    if (!reader) return;
    reader.stopped = true;
    reader.following?.stop();
    this.readers.delete(instanceId);
  }

  stopAll(): void {
    for (const id of [...this.readers.keys()]) this.stop(id);
  }

  /** Reads what is left of a generation whose process is gone, once, to its end. */
  async drain(instance: Instance, generation: number): Promise<void> {
    const channel = await this.channels.of({ instanceId: instance.id, ref: instance.ref ?? '' }, 'root');
    const journal = await this.open(instance, generation);
    for (let at = journal.cursor; ;) {
      const { data } = await channel.read('run', `${folderOf(generation)}/journal`, { offset: at });
      if (data.length === 0) return;
      at += data.length;
      await journal.store(data);
    }
  }

  private async open(instance: Instance, generation: number): Promise<OpenJournal> {
    const row = await this.db.of(Generation).findOneByOrFail({ instanceId: instance.id, number: generation });
    const [{ top } = { top: null }] = await this.db.query<{ top: string | null }>(
      'select max(journal_offset) as top from session_events where instance_id = $1 and generation = $2',
      [instance.id, generation],
    );
    const sessionOf = this.sessionNames(instance.id);
    return new OpenJournal(instance, generation, Number(row.cursor), Number(top ?? -1), this.ingest, sessionOf);
  }

  /** Our id of a runtime's conversation, asked of the database once each. */
  private sessionNames(instanceId: string): (runtimeSessionId: string) => Promise<string | null> {
    const known = new Map<string, string>();
    return async (runtimeSessionId) => {
      const name = known.get(runtimeSessionId);
      if (name !== undefined) return name;
      const session = await this.db.of(Session).findOneBy({ instanceId, runtimeSessionId });
      if (session && session.attachStep !== 'load') known.set(runtimeSessionId, session.id);
      return session?.attachStep === 'load' ? null : (session?.id ?? null);
    };
  }
}

/** A journal being read: bytes in, stored effects out. */
class OpenJournal {
  private readonly splitter: LineSplitter;
  private readonly fold: JournalFold;

  constructor(
    private readonly instance: Instance,
    private readonly generation: number,
    readonly cursor: number,
    private readonly replayUntil: number,
    private readonly ingest: Ingest,
    private readonly sessionOf: (runtimeSessionId: string) => Promise<string | null>,
  ) {
    this.splitter = new LineSplitter(cursor);
    this.fold = new JournalFold(generation);
  }

  async store(data: Buffer): Promise<AfterIngest | null> {
    const effects: Effect[] = [];
    for (const line of this.splitter.push(data)) effects.push(...this.fold.feed(line));
    if (effects.length === 0) return null;
    const names = new Map<string, string | null>();
    for (const effect of effects) {
      if (effect.type !== 'delta' || names.has(effect.session)) continue;
      names.set(effect.session, await this.sessionOf(effect.session));
    }
    this.ingest.stream(effects, (session) => names.get(session) ?? null);
    const stored = effects.filter((effect) => effect.type !== 'delta');
    if (stored.length === 0) return null;
    const cursor = this.fold.safeCursor(this.splitter.position);
    return this.ingest.apply(this.instance, this.generation, stored, cursor, this.replayUntil);
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown failure');
