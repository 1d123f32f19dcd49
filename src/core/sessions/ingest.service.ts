import { Injectable, Logger } from '@nestjs/common';
import { QueryFailedError } from 'typeorm';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import type { Instance } from '../instances/instance.entity.js';
import { Generation } from '../runtimes/generation.entity.js';
import { IngestEffects } from './ingest-effects.js';
import { IngestContext } from './ingest.context.js';
import type { Effect, ReadLine } from './journal.effects.js';
import { SessionStreams } from './session-streams.js';

/** What has to happen after the journal's effects are stored. */
export interface AfterIngest {
  readonly ended: boolean;
  /** Lines were numbered for the runtime. */
  readonly deliver: boolean;
  /** Something changed that may let a waiting turn go on. */
  readonly pump: boolean;
  /** Why the runtime is of no use and has to be ended; null otherwise. */
  readonly refused: string | null;
  /** Requests whose answer has to be carried to the runtime's own server. */
  readonly bridge: readonly string[];
}

const nothing: AfterIngest = { ended: false, deliver: false, pump: false, refused: null, bridge: [] };

/**
 * Stores what a journal says: events, turn ends, requests and how far it was read, in one transaction.
 * Reading the same lines again adds nothing: every line below `Generation.applied` is passed over.
 */
@Injectable()
export class Ingest {
  private readonly logger = new Logger(Ingest.name);

  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly effects: IngestEffects,
    private readonly streams: SessionStreams,
  ) {}

  /** Stores lines in order. What the database refuses is left out, so that one bad line does not stop a conversation. */
  async apply(instance: Instance, generation: number, lines: readonly ReadLine[]): Promise<AfterIngest> {
    try {
      return await this.store(instance, generation, lines);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      const halves = halvesOf(lines);
      if (halves) {
        const first = await this.apply(instance, generation, halves[0]);
        return joined(first, await this.apply(instance, generation, halves[1]));
      }
      this.logger.error(`A line in the journal of ${instance.id} cannot be stored and is left out`, error);
      return this.store(
        instance,
        generation,
        lines.map((line) => ({ ...line, effects: [] })),
      );
    }
  }

  /** Deltas go out before they are stored: the stored event replaces them. */
  stream(effects: readonly Effect[], sessionOf: (runtimeSessionId: string) => string | null): void {
    for (const effect of effects) {
      if (effect.type !== 'delta') continue;
      const sessionId = sessionOf(effect.session);
      if (sessionId === null) continue;
      const { messageId, charOffset, text, thought } = effect;
      this.streams.delta({ sessionId, messageId, charOffset, text, thought });
    }
  }

  private async store(instance: Instance, number: number, lines: readonly ReadLine[]): Promise<AfterIngest> {
    const context = await this.db.run(async (tx) => {
      const generation = await tx.lock(Generation, { instanceId: instance.id, number });
      const agent = await tx.of(Agent).findOneBy({ id: instance.agentId });
      if (!generation || !agent || generation.state === 'ended') return null;
      const open = new IngestContext(tx, generation, agent, this.clock.now());
      await open.load();
      const fresh = lines.filter((line) => line.offset >= Number(generation.applied));
      for (const line of fresh) for (const effect of line.effects) await this.effects.apply(open, effect);
      await open.flush();
      const last = fresh.at(-1);
      if (last) {
        const place = { instanceId: instance.id, number };
        const read = { cursor: String(last.resumeAt), applied: String(last.end) };
        await tx.of(Generation).update(place, read);
      }
      return open;
    });
    if (!context) return { ...nothing, ended: true };
    for (const event of context.log.appended) this.streams.event(event);
    const { ended, deliver, pump, refused, bridge } = context;
    return { ended, deliver, pump, refused, bridge };
  }
}

/** Data the database does not take, as opposed to a database that is away: SQLSTATE classes 22, 23 and 54. */
const isRefusal = (error: unknown): boolean =>
  error instanceof QueryFailedError && /^(?:22|23|54)/.test(String((error.driverError as { code?: unknown }).code));

/** Two shorter lists of lines; a single line is cut between its effects. Null when there is nothing to cut. */
function halvesOf(lines: readonly ReadLine[]): readonly [readonly ReadLine[], readonly ReadLine[]] | null {
  const half = Math.ceil(lines.length / 2);
  if (lines.length > 1) return [lines.slice(0, half), lines.slice(half)];
  const [line] = lines;
  if (!line || line.effects.length < 2) return null;
  const [first, ...rest] = line.effects;
  const begin = { ...line, end: line.offset, resumeAt: line.offset, effects: first ? [first] : [] };
  return [[begin], [{ ...line, effects: rest }]];
}

function joined(a: AfterIngest, b: AfterIngest): AfterIngest {
  return {
    ended: a.ended || b.ended,
    deliver: a.deliver || b.deliver,
    pump: a.pump || b.pump,
    refused: a.refused ?? b.refused,
    bridge: [...a.bridge, ...b.bridge],
  };
}
