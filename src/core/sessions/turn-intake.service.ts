import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Tx } from '../../platform/database/unit-of-work.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Invalid, LimitReached, NotFound, Unavailable } from '../errors/domain-error.js';
import { Instance } from '../instances/instance.entity.js';
import { recordCollaboration } from './collaboration.js';
import { SessionLog } from './session-log.js';
import { Session, type SessionOptions } from './session.entity.js';
import { Turn, type Lane, type TurnOrigin } from './turn.entity.js';

/** One message to an agent. */
export interface Prompt {
  readonly text: string;
  /** Instead of the agent's own model, for this message. */
  readonly model?: string | null;
  /** An active session of any of the agent's users, instead of the caller's own. */
  readonly sessionId?: string;
  /** The session is one of its own: a new one, or `sessionId`, which it opens again if it was closed. */
  readonly apart?: boolean;
  /** Another agent asks, on behalf of the caller. */
  readonly sourceAgentId?: string | null;
  /** The same key in the same session gives the same turn. */
  readonly idempotencyKey?: string | null;
  /** Waiting turns of its lane an agent may have; one more is refused. */
  readonly queueLimit?: number;
  /** Beside what it goes. Default `chat`. */
  readonly lane?: Lane;
  /** Of a task. */
  readonly options?: SessionOptions;
  /** Seconds it may take, instead of what the agent allows. */
  readonly timeoutSeconds?: number | null;
  readonly origin?: TurnOrigin;
  /** Id of the turn; default: a new one. */
  readonly id?: string;
}

export interface Accepted {
  readonly turn: Turn;
  readonly session: Session;
  /** Turns of its lane before it, the running one included. */
  readonly ahead: number;
}

/** Longest message, in characters. */
const longestPrompt = 1_000_000;

/** Throws `Invalid` for what no agent can be told. */
export function checkPrompt(text: string): void {
  if (text.trim() === '') throw new Invalid('message must not be empty', [], 'empty_message');
  if (text.length > longestPrompt) {
    throw new Invalid(`message is too long: at most ${longestPrompt} characters`, [], 'message_too_long');
  }
  if (text.includes('\u0000')) throw new Invalid('message must not contain NUL characters', [], 'nul_in_message');
}

/** Turns prompts into stored turns, within the caller's transaction. */
@Injectable()
export class TurnIntake {
  constructor(readonly clock: Clock) {}

  /**
   * Stores a prompt in the user's active session with the agent (made on first use), or in one of its own for a task.
   * Throws `Unavailable('agent_not_running')` when the agent is not running, `LimitReached` when its queue is full.
   */
  async accept(
    tx: Tx,
    userId: string,
    agent: Agent,
    prompt: Prompt,
  ): Promise<{ accepted: Accepted; log: SessionLog | null }> {
    const instance = await tx.lock(Instance, { agentId: agent.id });
    if (!instance) throw agentDeleted();
    const { lane = 'chat', idempotencyKey = null } = prompt;
    const session =
      lane === 'task'
        ? await this.taskSession(tx, userId, agent, instance, prompt)
        : await this.sessionFor(tx, userId, agent, instance, prompt);
    const before = idempotencyKey && (await tx.of(Turn).findOneBy({ sessionId: session.id, idempotencyKey }));
    if (before) return { accepted: { turn: before, session, ahead: 0 }, log: null };
    if (instance.state !== 'running' || instance.desired !== 'running') {
      throw new Unavailable('Agent is not running', 'agent_not_running');
    }
    const ahead = await this.ahead(tx, agent, session, prompt);
    const now = this.clock.now();
    const turn = new Turn();
    Object.assign(turn, {
      id: prompt.id ?? randomUUID(),
      sessionId: session.id,
      agentId: agent.id,
      instanceId: instance.id,
      userId,
      sourceAgentId: prompt.sourceAgentId ?? null,
      idempotencyKey,
      prompt: prompt.text,
      model: prompt.model ?? null,
      lane,
      timeoutSeconds: prompt.timeoutSeconds ?? agent.timeoutSeconds,
      origin: prompt.origin ?? null,
      state: 'queued',
      cancelRequested: false,
      createdAt: now,
    });
    await tx.of(Turn).insert(turn);
    const log = new SessionLog(tx, now);
    log.append(session, 'user_message', { text: prompt.text, userId }, { turnId: turn.id });
    session.messageCount += 1;
    session.lastMessageAt = now;
    await log.flush();
    await recordCollaboration(tx, agent, turn);
    return { accepted: { turn, session, ahead }, log };
  }

  private async ahead(tx: Tx, agent: Agent, session: Session, { lane = 'chat', queueLimit }: Prompt): Promise<number> {
    const place = lane === 'session' ? { sessionId: session.id } : { instanceId: session.instanceId, lane };
    const count = (state: 'queued' | 'running'): Promise<number> => tx.of(Turn).countBy({ ...place, state });
    const waiting = await count('queued');
    const working = await count('running');
    if (queueLimit !== undefined && waiting + Math.min(working, 1) > queueLimit) {
      const details = { agent: agent.slug, queue_length: waiting };
      throw new LimitReached('The queue of this agent is full; try again later', 'queue_full', 30, details);
    }
    return waiting + working;
  }

  private async sessionFor(
    tx: Tx,
    userId: string,
    agent: Agent,
    instance: Instance,
    { sessionId: id, apart = false }: Prompt,
  ): Promise<Session> {
    const where = { agentId: agent.id, userId, status: 'active', purpose: 'chat' } as const;
    if (id !== undefined) {
      const named = await tx.lock(Session, { id, agentId: agent.id, purpose: 'chat' });
      if (!named || named.status === 'deleted' || (named.status === 'closed' && !apart)) {
        throw new NotFound('session', id);
      }
      named.status = 'active';
      return named;
    }
    const [known] = apart
      ? []
      : await tx.of(Session).find({
          where,
          order: { createdAt: 'DESC' },
          take: 1,
          lock: { mode: 'pessimistic_write' },
        });
    return known ?? this.open(tx, instance, { ...where, model: agent.model });
  }

  private taskSession(tx: Tx, userId: string, agent: Agent, instance: Instance, prompt: Prompt): Promise<Session> {
    const { options = null, model = null } = prompt;
    const fields = { agentId: agent.id, userId, status: 'active', purpose: 'task' } as const;
    return this.open(tx, instance, { ...fields, options, model: model ?? agent.model });
  }

  /** A conversation that nobody has said anything in. */
  async open(tx: Tx, instance: Instance, fields: Partial<Session>): Promise<Session> {
    const session = new Session();
    const costs = { costUsd: 0, costMark: 0, contextUsed: 0, contextMax: 0 };
    Object.assign(session, { id: randomUUID(), instanceId: instance.id, createdAt: this.clock.now() });
    Object.assign(session, { title: null, titled: false, eventSeq: 0, messageCount: 0, ...costs, ...fields });
    await tx.of(Session).insert(session);
    return tx.of(Session).findOneByOrFail({ id: session.id });
  }
}
