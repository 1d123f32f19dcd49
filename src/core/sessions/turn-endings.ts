import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import type { Tx } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Generation } from '../runtimes/generation.entity.js';
import { RuntimeLine } from '../runtimes/runtime-line.entity.js';
import { Activity } from './activity.entity.js';
import { announce } from './activity-news.js';
import { AgentRequest } from './agent-request.entity.js';
import { collaborationIdOf, collaborationEnded } from './collaboration.js';
import { closeRequests } from './request-closing.js';
import { SessionLog } from './session-log.js';
import { Session } from './session.entity.js';
import { Turn, type TurnState } from './turn.entity.js';

/** How a turn came to its end. */
export interface Outcome {
  readonly state: Exclude<TurnState, 'queued' | 'running'>;
  readonly stopReason?: string | null;
  /** Why it did not finish: a sentence for people. */
  readonly error?: string | null;
}

/** Ends turns: once, visibly, and with everything that hung on them. */
@Injectable()
export class TurnEndings {
  constructor(private readonly clock: Clock) {}

  /** `session` and `turn` must be locked. Does nothing to a turn that ended before. */
  async end(tx: Tx, log: SessionLog, session: Session, turn: Turn, outcome: Outcome): Promise<void> {
    if (turn.state !== 'queued' && turn.state !== 'running') return;
    const now = this.clock.now();
    const { state, stopReason = null, error = null } = outcome;
    const { contextUsed, contextMax } = session;
    Object.assign(turn, { state, stopReason, error, endedAt: now, contextUsed, contextMax });
    await tx.of(Turn).save(turn);
    if (turn.answer !== null) session.messageCount += 1;
    session.lastMessageAt = now;
    // A task's conversation is over with its only turn; the runtime may forget it.
    if (session.purpose === 'task') Object.assign(session, { status: 'closed', liveGeneration: null });
    await closeRequests(tx, log, session, turn.id, { by: 'turn_ended', at: now });
    log.append(session, 'turn_ended', { state, stopReason, error }, { turnId: turn.id });
    await this.endActivities(tx, turn, outcome, now);
    const agent = await tx.of(Agent).findOneBy({ id: turn.agentId });
    if (!agent) return;
    const data = {
      turnId: turn.id,
      sessionId: session.id,
      state,
      error,
      ...(turn.origin ? { origin: turn.origin } : {}),
    };
    await tx.emit({ type: 'turn.ended', orgId: agent.orgId, agentId: agent.id, data });
    await announce(tx, agent.orgId, turn.agentId, await tx.of(Activity).findOneBy({ id: turn.id }));
    await collaborationEnded(tx, turn);
  }

  /**
   * A generation is over: nothing it was asked will be answered any more. Its running turn ends as `interrupted`
   * (`cancelled` or `failed` if it was being stopped); if it never became ready, the turn that waits first fails.
   * `generation` must be locked.
   */
  async generationEnded(tx: Tx, log: SessionLog, generation: Generation, reason: string): Promise<void> {
    const { instanceId, number } = generation;
    const neverReady = generation.state === 'starting' && generation.endReason === null;
    const now = this.clock.now();
    Object.assign(generation, { state: 'ended', endReason: reason, endedAt: now });
    await tx.of(Generation).save(generation);
    const turns = await tx.of(Turn).find({ where: { instanceId, state: 'running' }, order: { number: 'ASC' } });
    for (const { id, sessionId } of turns) {
      const session = await tx.lock(Session, { id: sessionId });
      const turn = session && (await tx.lock(Turn, { id }));
      if (turn) await this.end(tx, log, session, turn, { state: endStateOf(turn), error: turn.error ?? reason });
      if (turn) log.touch(session);
    }
    await log.flushSessions();
    const gone = { state: 'cancelled', answeredAt: now, answeredBy: 'generation_ended' } as const;
    await tx.of(AgentRequest).update({ instanceId, generation: number, state: In(['open', 'answering']) }, gone);
    await tx.of(RuntimeLine).delete({ instanceId, generation: number });
    await tx.query(
      `update sessions set live_generation = null, attach_generation = null, attach_step = null
       where instance_id = $1 and (live_generation = $2 or attach_generation = $2)`,
      [instanceId, number],
    );
    log.forget();
    if (neverReady) await this.failFirst(tx, log, instanceId, reason);
  }

  /**
   * The turn that waits first cannot be served: it fails, the others get their own try. Or it is `interrupted`: nothing went
   * wrong with it, its agent ended before its turn came. False when none waits.
   */
  async failFirst(
    tx: Tx,
    log: SessionLog,
    instanceId: string,
    reason: string,
    state: 'failed' | 'interrupted' = 'failed',
    lockSession = (id: string): Promise<Session | null> => tx.lock(Session, { id }),
  ): Promise<boolean> {
    const [first] = await tx
      .of(Turn)
      .find({ where: { instanceId, state: 'queued' }, order: { number: 'ASC' }, take: 1 });
    const session = first && (await lockSession(first.sessionId));
    const turn = session && (await tx.lock(Turn, { id: first.id }));
    if (!turn) return false;
    await this.end(tx, log, session, turn, { state: turn.cancelRequested ? 'cancelled' : state, error: reason });
    log.touch(session);
    return true;
  }

  private async endActivities(tx: Tx, turn: Turn, outcome: Outcome, now: Date): Promise<void> {
    const failed = outcome.state !== 'finished';
    await tx.query(
      `update activities set state = 'failed', ended_at = $2, error = $3
       where turn_id = $1 and type = 'tool_call' and state = 'started'`,
      [turn.id, now, outcome.error ?? 'The turn ended before the tool did'],
    );
    await tx.query(
      `update activities set state = $2, ended_at = $3, error = $4, details = details || $5::jsonb where id in ($1, $6)`,
      [
        turn.id,
        failed ? 'failed' : 'completed',
        now,
        outcome.error ?? null,
        JSON.stringify({ outcome: outcome.state, tool_count: turn.toolCount, cost_usd: turn.costUsd }),
        collaborationIdOf(turn.id),
      ],
    );
  }
}

/** How a turn ends whose runtime is gone. One that was being stopped for a cause of ours (its time) carries it as error. */
function endStateOf(turn: Turn): 'cancelled' | 'failed' | 'interrupted' {
  if (!turn.cancelRequested) return 'interrupted';
  return turn.error === null ? 'cancelled' : 'failed';
}
