import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { Channels, type Following } from '../instances/channel.port.js';
import { GivenValues } from '../instances/given-values.js';
import type { Instance } from '../instances/instance.entity.js';
import { Generation } from '../runtimes/generation.entity.js';
import { Runtimes } from '../runtimes/runtime.port.js';
import { folderOf } from '../runtimes/spool.service.js';
import { Ingest, type AfterIngest } from './ingest.service.js';
import type { Effect, ReadLine } from './journal.effects.js';
import { JournalFold } from './journal.fold.js';
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
  journal: OpenJournal | null;
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
    private readonly runtimes: Runtimes,
    private readonly given: GivenValues,
  ) {}

  follows(instance: Instance, generation: number): boolean {
    const reader = this.readers.get(instance.id);
    return reader?.generation === generation && reader.boot === instance.boot;
  }

  /** Starts reading a generation's journal, unless this process does already. */
  async start(instance: Instance, generation: number, listener: FollowerListener): Promise<void> {
    if (this.follows(instance, generation)) return;
    this.stop(instance.id);
    const reader: Reader = { generation, boot: instance.boot, following: null, journal: null, stopped: false };
    this.readers.set(instance.id, reader);
    try {
      const { journal, cursor } = await this.open(instance, generation);
      const channel = await this.channels.of({ instanceId: instance.id, ref: instance.ref ?? '' }, 'root');
      if (reader.stopped) return;
      reader.journal = journal;
      const path = `${folderOf(generation)}/journal`;
      reader.following = channel.follow('run', path, cursor, async (data) => {
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
    const { journal, cursor } = await this.open(instance, generation);
    for (let at = cursor; ;) {
      const { data } = await channel.read('run', `${folderOf(generation)}/journal`, { offset: at });
      if (data.length === 0) break;
      at += data.length;
      await journal.store(data);
    }
    await journal.finish();
  }

  /** Stores what was read of a text that goes on no more, and stops reading: the container is gone for good. */
  async finish(instanceId: string): Promise<void> {
    const reader = this.readers.get(instanceId);
    this.stop(instanceId);
    await reader?.journal?.finish();
  }

  private async open(instance: Instance, generation: number): Promise<{ journal: OpenJournal; cursor: number }> {
    const row = await this.db.of(Generation).findOneByOrFail({ instanceId: instance.id, number: generation });
    const agent = await this.db.of(Agent).findOneByOrFail({ id: instance.agentId });
    const cursor = Number(row.cursor);
    const redactor = await this.given.redactor(instance.id);
    const fold = new JournalFold(generation, this.runtimes.find(agent.runtime)?.readUpdate, redactor);
    const store = (lines: readonly ReadLine[]): Promise<AfterIngest> => this.ingest.apply(instance, generation, lines);
    const sessionOf = this.sessionNames(instance.id);
    const stream = async (effects: readonly Effect[]): Promise<void> => {
      const names = new Map<string, string | null>();
      for (const effect of effects) {
        if (effect.type !== 'delta' || names.has(effect.session)) continue;
        names.set(effect.session, await sessionOf(effect.session));
      }
      this.ingest.stream(effects, (session) => names.get(session) ?? null);
    };
    return { journal: new OpenJournal(new LineSplitter(cursor), fold, stream, store), cursor };
  }

  /** Our id of a runtime's conversation, asked of the database once each; null while it is being replayed. */
  private sessionNames(instanceId: string): (runtimeSessionId: string) => Promise<string | null> {
    const known = new Map<string, string>();
    return async (runtimeSessionId) => {
      const name = known.get(runtimeSessionId);
      if (name !== undefined) return name;
      const session = await this.db.of(Session).findOneBy({ instanceId, runtimeSessionId });
      if (!session || session.attachStep === 'load') return null;
      known.set(runtimeSessionId, session.id);
      return session.id;
    };
  }
}

/** A journal being read: bytes in, stored effects out, one piece after the other. */
class OpenJournal {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly splitter: LineSplitter,
    private readonly fold: JournalFold,
    private readonly stream: (effects: readonly Effect[]) => Promise<void>,
    private readonly apply: (lines: readonly ReadLine[]) => Promise<AfterIngest>,
  ) {}

  store(data: Buffer): Promise<AfterIngest | null> {
    return this.inTurn(async () => {
      const lines = this.splitter.push(data).map((line) => this.fold.feed(line));
      await this.stream(lines.flatMap((line) => line.effects));
      return this.keep(lines);
    });
  }

  finish(): Promise<AfterIngest | null> {
    return this.inTurn(() => this.keep([this.fold.finish(this.splitter.position)]));
  }

  private inTurn(work: () => Promise<AfterIngest | null>): Promise<AfterIngest | null> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }

  private async keep(lines: readonly ReadLine[]): Promise<AfterIngest | null> {
    const stored = lines.map((line) => ({ ...line, effects: line.effects.filter(({ type }) => type !== 'delta') }));
    if (stored.every((line) => line.effects.length === 0)) return null;
    return this.apply(stored);
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : 'unknown failure');
