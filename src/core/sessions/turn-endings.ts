import { Injectable } from '@nestjs/common';
import type { Tx } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Generation } from '../runtimes/generation.entity.js';
import { Activity } from './activity.entity.js';
import { AgentRequest } from './agent-request.entity.js';
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
    Object.assign(turn, { state, stopReason, error, endedAt: now });
    await tx.of(Turn).save(turn);
    if (turn.answer !== null) session.messageCount += 1;
    session.lastMessageAt = now;
    await tx
      .of(AgentRequest)
      .update({ turnId: turn.id, state: 'open' }, { state: 'cancelled', answeredAt: now, answeredBy: 'turn_ended' });
    await tx.of(AgentRequest).update({ turnId: turn.id, state: 'answering' }, { state: 'answered' });
    log.append(session, 'turn_ended', { state, stopReason, error }, { turnId: turn.id });
    await this.endActivities(tx, turn, outcome, now);
    const agent = await tx.of(Agent).findOneBy({ id: turn.agentId });
    if (!agent) return;
    const data = { turnId: turn.id, sessionId: session.id, state, error };
    await tx.emit({ type: 'turn.ended', orgId: agent.orgId, agentId: agent.id, data });
    await announce(tx, agent.orgId, turn.agentId, await tx.of(Activity).findOneBy({ id: turn.id }));
  }

  /**
   * A generation is over: nothing it was asked will be answered any more. Its running turn ends as `interrupted`
   * (`cancelled` if that was asked for); if it never became ready, the turn that waits first ends as `failed`.
   */
  async generationEnded(tx: Tx, log: SessionLog, generation: Generation, reason: string): Promise<void> {
    const { instanceId, number } = generation;
    const neverReady = generation.state === 'starting';
    const now = this.clock.now();
    Object.assign(generation, { state: 'ended', endReason: reason, endedAt: now });
    await tx.of(Generation).save(generation);
    const turns = await tx.of(Turn).find({ where: { instanceId, state: 'running' }, order: { number: 'ASC' } });
    for (const turn of turns) {
      const session = await tx.lock(Session, { id: turn.sessionId });
      if (!session) continue;
      const state = turn.cancelRequested ? 'cancelled' : 'interrupted';
      await this.end(tx, log, session, turn, { state, error: turn.error ?? reason });
      log.touch(session);
    }
    await log.flushSessions();
    await this.dropRequests(tx, instanceId, number, now);
    await tx.query(
      `update sessions set live_generation = null, attach_generation = null, attach_step = null, cost_mark = 0
       where instance_id = $1 and (live_generation = $2 or attach_generation = $2)`,
      [instanceId, number],
    );
    log.forget();
    if (neverReady) await this.failFirst(tx, log, instanceId, reason);
  }

  /** The turn that waits first cannot be served: it fails, the others get their own try. */
  async failFirst(tx: Tx, log: SessionLog, instanceId: string, reason: string): Promise<void> {
    const [turn] = await tx
      .of(Turn)
      .find({ where: { instanceId, state: 'queued' }, order: { number: 'ASC' }, take: 1 });
    const session = turn && (await tx.lock(Session, { id: turn.sessionId }));
    if (!turn || !session) return;
    await this.end(tx, log, session, turn, { state: turn.cancelRequested ? 'cancelled' : 'failed', error: reason });
  }

  private async dropRequests(tx: Tx, instanceId: string, generation: number, now: Date): Promise<void> {
    const gone = { state: 'cancelled', answeredAt: now, answeredBy: 'generation_ended' } as const;
    await tx.of(AgentRequest).update({ instanceId, generation, state: 'open' }, gone);
    await tx.of(AgentRequest).update({ instanceId, generation, state: 'answering' }, gone);
  }

  private async endActivities(tx: Tx, turn: Turn, outcome: Outcome, now: Date): Promise<void> {
    const failed = outcome.state !== 'finished';
    await tx.query(
      `update activities set state = 'failed', ended_at = $2, error = $3
       where turn_id = $1 and type = 'tool_call' and state = 'started'`,
      [turn.id, now, outcome.error ?? 'The turn ended before the tool did'],
    );
    await tx.query(
      `update activities set state = $2, ended_at = $3, error = $4, details = details || $5::jsonb where id = $1`,
      [
        turn.id,
        failed ? 'failed' : 'completed',
        now,
        outcome.error ?? null,
        JSON.stringify({ outcome: outcome.state, tool_count: turn.toolCount, cost_usd: turn.costUsd }),
      ],
    );
  }
}

/** Announces a change of one line of the timeline. */
export async function announce(tx: Tx, orgId: string, agentId: string, activity: Activity | null): Promise<void> {
  if (!activity) return;
  const { id, type, state, details, error } = activity;
  const at = (activity.endedAt ?? activity.startedAt).toISOString();
  const data = { activityId: id, activityType: type, activityState: state, details: summary(details), error, at };
  await tx.emit({ type: 'agent.activity', orgId, agentId, data });
}

/** Events stay small: a tool's input and output are read from the timeline. */
function summary(details: Record<string, unknown>): Record<string, unknown> {
  const { tool, title, kind, outcome } = details;
  return Object.fromEntries(Object.entries({ tool, title, kind, outcome }).filter(([, value]) => value !== undefined));
}
