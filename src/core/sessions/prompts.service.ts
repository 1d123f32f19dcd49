import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Conflict, Invalid, LimitReached, NotFound, TimedOut, Unavailable } from '../errors/domain-error.js';
import { Instance } from '../instances/instance.entity.js';
import { SessionLog } from './session-log.js';
import { SessionStreams } from './session-streams.js';
import { Session } from './session.entity.js';
import { TurnPump } from './turn-pump.service.js';
import { Turn } from './turn.entity.js';

/** One message to an agent. */
export interface Prompt {
  readonly text: string;
  /** Instead of the agent's own model, for this message. */
  readonly model?: string | null;
  /** An active session of any of the agent's users, instead of the caller's own. */
  readonly sessionId?: string;
  /** Another agent asks, on behalf of the caller. */
  readonly sourceAgentId?: string | null;
  /** The same key in the same session gives the same turn. */
  readonly idempotencyKey?: string | null;
  /** Waiting turns an agent may have; one more is refused. */
  readonly queueLimit?: number;
}

export interface Accepted {
  readonly turn: Turn;
  readonly session: Session;
  /** Turns before it, the running one included. */
  readonly ahead: number;
}

/** Longest message, in characters. */
const longestPrompt = 1_000_000;
/** A net under lost events. */
const lookAgainMs = 2000;

/** Where prompts come in and turns are waited for. */
@Injectable()
export class Prompts {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly clock: Clock,
    private readonly pump: TurnPump,
    private readonly streams: SessionStreams,
  ) {}

  /**
   * Stores a prompt in the caller's active session with the agent (made on first use) and sees that it is worked on.
   * Throws `Unavailable('agent_not_running')` when the agent is not running, `LimitReached` when its queue is full.
   */
  async send(who: Principal, agent: Agent, prompt: Prompt): Promise<Accepted> {
    if (prompt.text.trim() === '') throw new Invalid('message must not be empty', [], 'empty_message');
    if (prompt.text.length > longestPrompt) {
      throw new Invalid(`message is too long: at most ${longestPrompt} characters`, [], 'message_too_long');
    }
    if (prompt.text.includes('\u0000'))
      throw new Invalid('message must not contain NUL characters', [], 'nul_in_message');
    const { accepted, log } = await this.db.run((tx) => this.accept(tx, who, agent, prompt));
    for (const event of log?.appended ?? []) this.streams.event(event);
    void this.pump.kick(accepted.turn.instanceId);
    return accepted;
  }

  /** Waits until a turn has ended. Throws `TimedOut` after `seconds`, or when `gone` fires; the turn goes on. */
  async ended(turnId: string, seconds: number, gone?: AbortSignal): Promise<Turn> {
    const deadline = this.clock.now().getTime() + seconds * 1000;
    const { sessionId } = await this.find(turnId);
    let wake = (): void => undefined;
    const stop = this.streams.subscribe(sessionId, (item) => {
      if (item.type === 'ended' || (item.type === 'event' && item.event.kind === 'turn_ended')) wake();
    });
    try {
      for (;;) {
        // Listening begins before the look, so that an end in between is not missed.
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const turn = await this.find(turnId);
        if (turn.state !== 'queued' && turn.state !== 'running') return turn;
        const left = deadline - this.clock.now().getTime();
        if (left <= 0 || gone?.aborted) throw new TimedOut('The agent did not finish in time', 'execution_timeout');
        await this.pause(woken, Math.min(left, lookAgainMs), gone);
      }
    } finally {
      stop();
    }
  }

  /** Asks to stop a turn: a waiting one ends at once, a running one when the runtime has stopped. */
  async cancel(who: Principal, turnId: string): Promise<void> {
    const turn = await this.find(turnId);
    await this.access.agent(who, { id: turn.agentId }, 'operate');
    await this.db.run(async (tx) => {
      const row = await tx.lock(Turn, { id: turnId });
      if (row?.state !== 'queued' && row?.state !== 'running') return;
      await tx.of(Turn).update({ id: turnId }, { cancelRequested: true });
    });
    await this.pump.kick(turn.instanceId);
  }

  private async accept(
    tx: Tx,
    who: Principal,
    agent: Agent,
    prompt: Prompt,
  ): Promise<{ accepted: Accepted; log: SessionLog | null }> {
    const instance = await tx.lock(Instance, { agentId: agent.id });
    if (!instance) throw new Conflict('The agent was deleted meanwhile');
    const session = await this.sessionFor(tx, who, agent, instance, prompt.sessionId);
    const idempotencyKey = prompt.idempotencyKey ?? null;
    const before = idempotencyKey && (await tx.of(Turn).findOneBy({ sessionId: session.id, idempotencyKey }));
    if (before) return { accepted: { turn: before, session, ahead: 0 }, log: null };
    if (instance.state !== 'running' || instance.desired !== 'running') {
      throw new Unavailable('Agent is not running', 'agent_not_running');
    }
    const ahead = await this.ahead(tx, agent, instance, prompt.queueLimit);
    const now = this.clock.now();
    const turn = new Turn();
    Object.assign(turn, {
      id: randomUUID(),
      sessionId: session.id,
      agentId: agent.id,
      instanceId: instance.id,
      userId: who.userId,
      sourceAgentId: prompt.sourceAgentId ?? null,
      idempotencyKey,
      prompt: prompt.text,
      model: prompt.model ?? null,
      state: 'queued',
      cancelRequested: false,
      createdAt: now,
    });
    await tx.of(Turn).insert(turn);
    const log = new SessionLog(tx, now);
    log.append(session, 'user_message', { text: prompt.text, userId: who.userId }, { turnId: turn.id });
    session.messageCount += 1;
    session.lastMessageAt = now;
    await log.flush();
    return { accepted: { turn, session, ahead }, log };
  }

  private async ahead(tx: Tx, agent: Agent, instance: Instance, limit?: number): Promise<number> {
    const count = (state: 'queued' | 'running'): Promise<number> =>
      tx.of(Turn).countBy({ instanceId: instance.id, state });
    const waiting = await count('queued');
    const working = await count('running');
    if (limit !== undefined && waiting + Math.min(working, 1) > limit) {
      const details = { agent: agent.slug, queue_length: waiting };
      throw new LimitReached('The queue of this agent is full; try again later', 'queue_full', 30, details);
    }
    return waiting + working;
  }

  private async sessionFor(tx: Tx, who: Principal, agent: Agent, instance: Instance, id?: string): Promise<Session> {
    const where = { agentId: agent.id, userId: who.userId, status: 'active' } as const;
    if (id !== undefined) {
      const named = await tx.lock(Session, { id, agentId: agent.id, status: 'active' });
      if (!named) throw new NotFound('session', id);
      return named;
    }
    const [known] = await tx.of(Session).find({
      where,
      order: { createdAt: 'DESC' },
      take: 1,
      lock: { mode: 'pessimistic_write' },
    });
    if (known) return known;
    const session = new Session();
    const costs = { costUsd: 0, costMark: 0, contextUsed: 0, contextMax: 0 };
    Object.assign(session, { id: randomUUID(), ...where, instanceId: instance.id, createdAt: this.clock.now() });
    Object.assign(session, { title: null, model: agent.model, eventSeq: 0, messageCount: 0, ...costs });
    await tx.of(Session).insert(session);
    return tx.of(Session).findOneByOrFail({ id: session.id });
  }

  private async find(id: string): Promise<Turn> {
    const turn = await this.db.of(Turn).findOneBy({ id });
    if (!turn) throw new NotFound('turn', id);
    return turn;
  }

  /** Resolves when it is woken, after `ms`, or when the caller is gone. */
  private pause(woken: Promise<void>, ms: number, gone?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        gone?.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.clock.after(ms, finish);
      gone?.addEventListener('abort', finish, { once: true });
      void woken.then(finish);
    });
  }
}
