import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import type { Instance } from '../instances/instance.entity.js';
import { Generation } from '../runtimes/generation.entity.js';
import { IngestContext } from './ingest.context.js';
import { IngestRequests } from './ingest-requests.js';
import { IngestResponses } from './ingest-responses.js';
import { IngestTools } from './ingest-tools.js';
import type { Effect } from './journal.fold.js';
import { SessionStreams } from './session-streams.js';
import { TurnEndings } from './turn-endings.js';

/** What has to happen after the journal's effects are stored. */
export interface AfterIngest {
  readonly ended: boolean;
  /** Lines were numbered for the runtime. */
  readonly deliver: boolean;
  /** Something changed that may let a waiting turn go on. */
  readonly pump: boolean;
  /** Requests whose answer has to be carried to the runtime's own server. */
  readonly bridge: readonly string[];
}

/** Kinds of effects, each with its own page. */
@Injectable()
export class IngestParts {
  constructor(
    readonly tools: IngestTools,
    readonly requests: IngestRequests,
    readonly responses: IngestResponses,
    readonly endings: TurnEndings,
  ) {}
}

/**
 * Stores what a journal says: events, turn ends, requests and the new cursor, in one transaction.
 * Reading the same lines again adds nothing.
 */
@Injectable()
export class Ingest {
  private readonly logger = new Logger(Ingest.name);

  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly parts: IngestParts,
    private readonly streams: SessionStreams,
  ) {}

  /**
   * @param cursor journal offset up to which everything is stored afterwards
   * @param replayUntil offset below which lines may have been stored before (after a restart)
   */
  async apply(
    instance: Instance,
    generation: number,
    effects: readonly Effect[],
    cursor: number,
    replayUntil: number,
  ): Promise<AfterIngest> {
    const context = await this.db.run(async (tx) => {
      const row = await tx.lock(Generation, { instanceId: instance.id, number: generation });
      const agent = await tx.of(Agent).findOneBy({ id: instance.agentId });
      if (!row || !agent || row.state === 'ended') return null;
      const open = new IngestContext(tx, row, agent, this.clock.now(), replayUntil);
      await open.load();
      for (const effect of effects) await this.one(open, effect);
      await open.flush();
      if (Number(row.cursor) < cursor) await moveCursor(tx, row, cursor);
      return open;
    });
    if (!context) return { ended: true, deliver: false, pump: false, bridge: [] };
    for (const event of context.log.appended) this.streams.event(event);
    const { ended, deliver, pump, bridge } = context;
    return { ended, deliver, pump, bridge };
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

  private async one(context: IngestContext, effect: Effect): Promise<void> {
    switch (effect.type) {
      case 'event':
        return this.event(context, effect);
      case 'tool':
        return this.parts.tools.apply(context, effect);
      case 'usage':
        return this.usage(context, effect);
      case 'title': {
        const session = context.sessionOf(effect.session);
        if (!session) return;
        session.title = effect.title.slice(0, 200);
        return context.log.touch(session);
      }
      case 'request':
        return this.parts.requests.apply(context, effect);
      case 'response':
        return this.parts.responses.apply(context, effect);
      case 'noise':
        return this.logger.debug(`Runtime of ${context.agent.slug} printed something that is no message`);
      case 'end':
        return this.ended(context, effect.code);
      case 'delta':
        return;
    }
  }

  private async event(context: IngestContext, effect: Extract<Effect, { type: 'event' }>): Promise<void> {
    const session = context.sessionOf(effect.session);
    if (!session || (await context.seen(effect.offset, effect.part))) return;
    const turn = await context.turnOf(session);
    const origin = { generation: context.generation.number, offset: effect.offset, part: effect.part };
    context.log.append(session, effect.kind, effect.data, { turnId: turn?.id ?? null, origin });
    if (effect.kind !== 'agent_message' || !turn) return;
    turn.answer = String(effect.data['text'] ?? '');
    context.changed(turn);
  }

  private async usage(context: IngestContext, effect: Extract<Effect, { type: 'usage' }>): Promise<void> {
    const session = context.sessionOf(effect.session);
    if (!session) return;
    const { used, size, costUsd } = effect;
    Object.assign(session, { contextUsed: used, contextMax: size || session.contextMax });
    context.log.touch(session);
    if (costUsd === null || costUsd === session.costMark) return;
    const added = costUsd > session.costMark ? costUsd - session.costMark : costUsd;
    session.costMark = costUsd;
    session.costUsd += added;
    const turn = await context.turnOf(session);
    if (!turn) return;
    turn.costUsd += added;
    context.changed(turn);
  }

  private async ended(context: IngestContext, code: number): Promise<void> {
    const { generation } = context;
    const asked = generation.state === 'stopping';
    const reason = asked
      ? (generation.endReason ?? 'The runtime was put to sleep')
      : `The runtime ended unexpectedly with exit code ${code}`;
    await context.flush();
    await this.parts.endings.generationEnded(context.tx, context.log, generation, reason);
    context.forget();
    context.ended = true;
    context.pump = true;
  }
}

async function moveCursor(tx: Tx, row: Generation, cursor: number): Promise<void> {
  row.cursor = String(cursor);
  await tx.of(Generation).update({ instanceId: row.instanceId, number: row.number }, { cursor: row.cursor });
}
