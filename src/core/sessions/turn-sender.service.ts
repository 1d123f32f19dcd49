import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Instance } from '../instances/instance.entity.js';
import { Generation } from '../runtimes/generation.entity.js';
import { Spool } from '../runtimes/spool.service.js';
import { Activity } from './activity.entity.js';
import { AttachSteps } from './attach-steps.js';
import { closeRequests } from './request-closing.js';
import { cancelledResult } from './request.rules.js';
import { SessionLog } from './session-log.js';
import { SessionStreams } from './session-streams.js';
import { Session } from './session.entity.js';
import { summaryFor } from './summary.js';
import { announce } from './activity-news.js';
import { TurnEndings } from './turn-endings.js';
import { Turn } from './turn.entity.js';
import { causeOf } from './turn.rules.js';

/** What turns are sent with, and how they end. */
@Injectable()
export class TurnTools {
  constructor(
    readonly spool: Spool,
    readonly steps: AttachSteps,
    readonly endings: TurnEndings,
  ) {}
}

/** Sends prompts and cancellations, each as a numbered line in the transaction that changes the turn. */
@Injectable()
export class TurnSender {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly tools: TurnTools,
    readonly streams: SessionStreams,
  ) {}

  /** Opens the conversation if it is not live, else sends the prompt. False when nothing was numbered. */
  async send(instance: Instance, agent: Agent, generationNumber: number, turnId: string): Promise<boolean> {
    const log = await this.db.run(async (tx) => {
      const generation = await tx.lock(Generation, { instanceId: instance.id, number: generationNumber });
      const wanted = await tx.of(Turn).findOneBy({ id: turnId });
      const session = wanted && (await tx.lock(Session, { id: wanted.sessionId }));
      const turn = session && (await tx.lock(Turn, { id: turnId }));
      if (generation?.state !== 'ready' || turn?.state !== 'queued' || !session) return null;
      const open = new SessionLog(tx, this.clock.now());
      if (session.liveGeneration === generation.number) await this.prompt(tx, open, agent, generation, session, turn);
      else if (session.attachGeneration === generation.number) return null;
      else await this.tools.steps.begin(tx, agent, instance, session, generation);
      const used = { usedAt: this.clock.now() };
      await tx.of(Generation).update({ instanceId: instance.id, number: generation.number }, used);
      open.touch(session);
      await open.flush();
      return open;
    });
    for (const event of log?.appended ?? []) this.streams.event(event);
    return log !== null;
  }

  /**
   * Cancels turns somebody asked to stop: those that wait end at once, a running one is told to the runtime, once.
   * @returns the generation that has lines to be delivered, or null
   */
  async cancel(instanceId: string, turnIds: readonly string[]): Promise<number | null> {
    const { log, told } = await this.db.run(async (tx) => {
      const open = new SessionLog(tx, this.clock.now());
      let generation: number | null = null;
      for (const id of turnIds) generation = (await this.cancelOne(tx, open, instanceId, id)) ?? generation;
      await open.flush();
      return { log: open, told: generation };
    });
    for (const event of log.appended) this.streams.event(event);
    return told;
  }

  private async cancelOne(tx: Tx, log: SessionLog, instanceId: string, id: string): Promise<number | null> {
    const asked = await tx.of(Turn).findOneBy({ id });
    if (!asked) return null;
    const number = asked.generation;
    const generation = number === null ? null : await tx.lock(Generation, { instanceId, number });
    const session = await tx.lock(Session, { id: asked.sessionId });
    const turn = session && (await tx.lock(Turn, { id }));
    if (!turn) return null;
    if (turn.state === 'queued') {
      await this.tools.endings.end(tx, log, session, turn, { state: 'cancelled' });
      log.touch(session);
      return null;
    }
    if (turn.state !== 'running' || turn.cancelSentAt !== null) return null;
    if (!generation || generation.state === 'ended') return null;
    const now = this.clock.now();
    turn.cancelSentAt = now;
    await tx.of(Turn).save(turn);
    const params = { sessionId: session.runtimeSessionId };
    await this.tools.spool.push(tx, generation, { method: 'session/cancel', params });
    for (const request of await closeRequests(tx, log, session, id, { by: 'turn_cancelled', at: now })) {
      const result = cancelledResult(request);
      if (result) await this.tools.spool.push(tx, generation, { id: JSON.parse(request.rpcId) as unknown, result });
    }
    return generation.number;
  }

  private async prompt(
    tx: Tx,
    log: SessionLog,
    agent: Agent,
    generation: Generation,
    session: Session,
    turn: Turn,
  ): Promise<void> {
    const now = this.clock.now();
    Object.assign(turn, { state: 'running', generation: generation.number, startedAt: now });
    await tx.of(Turn).save(turn);
    const summary = await summaryFor(tx, session, turn);
    log.append(session, 'turn_started', {}, { turnId: turn.id });
    const before = [summary, this.tools.steps.prefaceOf(agent, session)].filter((part) => part !== null);
    const text = [...before, turn.prompt].join('\n\n');
    const params = { sessionId: session.runtimeSessionId, prompt: [{ type: 'text', text }] };
    await this.tools.spool.push(tx, generation, { id: `turn:${turn.id}`, method: 'session/prompt', params });
    const activity = new Activity();
    const { origin } = turn;
    const cause = { userId: turn.userId, triggeredBy: causeOf(turn) } as const;
    const about = {
      id: turn.id,
      agentId: agent.id,
      turnId: turn.id,
      parentId: null,
      type: origin ? 'schedule' : 'chat',
      state: 'started',
    } as const;
    Object.assign(activity, {
      ...about,
      ...cause,
      details: {
        sessionId: session.id,
        ...(origin ? { title: origin.schedule.name, scheduleId: origin.schedule.id } : {}),
      },
      error: null,
      startedAt: now,
      endedAt: null,
    });
    await tx.of(Activity).save(activity);
    await announce(tx, agent.orgId, agent.id, activity);
    if (!origin) return;
    const data = { turnId: turn.id, sessionId: session.id, origin };
    await tx.emit({ type: 'turn.started', orgId: agent.orgId, agentId: agent.id, data });
  }
}
