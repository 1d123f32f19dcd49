import { Injectable } from '@nestjs/common';
import { Not } from 'typeorm';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { includes } from '../access/access.rules.js';
import { Access } from '../access/access.service.js';
import { isAdmin, type Principal } from '../access/principal.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import type { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { NotFound, Unavailable, Upstream } from '../errors/domain-error.js';
import { Instance } from '../instances/instance.entity.js';
import { Session } from './session.entity.js';
import { TurnIntake } from './turn-intake.service.js';
import { TurnStops } from './turn-stops.service.js';
import { Turn } from './turn.entity.js';

/** How long a caller who stops work waits for its end, and one who removes a conversation. */
const abortMs = 1800;
const removeMs = 8000;

/**
 * Conversations of an agent as things of their own: listed, opened, stopped, removed. Several may go on at once.
 * Callers hand in an agent they may `view` (lists) or `operate` (changes). Other people's conversations are for admins only.
 */
@Injectable()
export class Conversations {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly intake: TurnIntake,
    private readonly stops: TurnStops,
    private readonly audit: Audit,
  ) {}

  /** Newest first, at most 1,000. */
  list(who: Principal, agent: Agent): Promise<Session[]> {
    return this.db.of(Session).find({
      where: { agentId: agent.id, purpose: 'chat', status: Not('deleted' as const), ...ownOnly(who) },
      order: { createdAt: 'DESC', id: 'DESC' },
      take: 1000,
    });
  }

  /** Throws `NotFound` for what the caller does not see, whatever the reason. */
  async get(who: Principal, agent: Agent, id: string): Promise<Session> {
    const session = await this.db.of(Session).findOneBy({ id, agentId: agent.id, ...ownOnly(who) });
    if (!session || session.status === 'deleted') throw new NotFound('session', id);
    return session;
  }

  /** A new one, in which nothing was said. Throws `Unavailable('agent_not_running')` when the agent does not run. */
  async open(who: Principal, agent: Agent, title: string | null = null): Promise<Session> {
    return this.db.run(async (tx) => {
      const instance = await tx.lock(Instance, { agentId: agent.id });
      if (!instance) throw agentDeleted();
      if (instance.state !== 'running' || instance.desired !== 'running') {
        throw new Unavailable('Agent is not running', 'agent_not_running');
      }
      const { id: agentId, model } = agent;
      const titled = title !== null;
      const fields = { agentId, model, title, titled, userId: who.userId, status: 'active', purpose: 'chat' } as const;
      return this.intake.open(tx, instance, fields);
    });
  }

  /**
   * Stops what runs, and drops what waits, in one conversation or in all: the owner stops everybody's, others their own.
   * Waits up to 2 s for the ends. @returns the conversations that had something to stop
   */
  async abort(who: Principal, agent: Agent, sessionId: string | null): Promise<string[]> {
    if (sessionId !== null) await this.get(who, agent, sessionId);
    const held = await this.access.rightOn(who, agent);
    const userId = sessionId !== null || (held !== null && includes(held, 'own')) ? null : who.userId;
    const turns = await this.db.run(async (tx) => {
      const asked = await this.stops.ask(tx, { agentId: agent.id, sessionId, userId });
      if (asked.length > 0) await this.record(tx, who, agent, 'session.aborted', { sessionId, turns: asked.length });
      return asked;
    });
    await this.stops.settled(turns, abortMs);
    return [...new Set(turns.map((turn) => turn.sessionId))];
  }

  /** Stops it and removes what was said. What it cost stays: totals never fall. */
  async remove(who: Principal, agent: Agent, id: string): Promise<void> {
    await this.get(who, agent, id);
    const turns = await this.db.run(async (tx) => {
      const session = await tx.lock(Session, { id });
      if (!session || session.status === 'deleted') throw new NotFound('session', id);
      session.status = 'deleted';
      await tx.of(Session).save(session);
      await this.record(tx, who, agent, 'session.deleted', { sessionId: id });
      return this.stops.ask(tx, { agentId: agent.id, sessionId: id, userId: null });
    });
    if (!(await this.stops.settled(turns, removeMs))) {
      // It is gone for everybody; what was said goes when the runtime has stopped.
      throw new Upstream('The agent does not stop working in this session; it is removed when it does', 'agent_silent');
    }
    await this.erase(id);
  }

  /** Removes what was said in conversations whose removal was cut short. */
  async eraseLeft(): Promise<void> {
    const left = await this.db.query<{ id: string }>(
      `select id from sessions where status = 'deleted' and event_seq > 0 limit 100`,
    );
    for (const { id } of left) await this.erase(id);
  }

  private async erase(id: string): Promise<void> {
    await this.db.run(async (tx) => {
      const session = await tx.lock(Session, { id });
      const active = [{ state: 'queued' } as const, { state: 'running' } as const];
      if (session?.status !== 'deleted') return;
      if (await tx.of(Turn).existsBy(active.map((state) => ({ sessionId: id, ...state })))) return;
      await tx.query('delete from activities where turn_id in (select id from turns where session_id = $1)', [id]);
      await tx.query('delete from agent_requests where session_id = $1', [id]);
      await tx.query('delete from turns where session_id = $1', [id]);
      await tx.query('delete from session_events where session_id = $1', [id]);
      const nothing = { title: null, runtimeSessionId: null, liveGeneration: null, eventSeq: 0, messageCount: 0 };
      await tx.of(Session).update({ id }, nothing);
    });
  }

  private record(
    tx: Tx,
    who: Principal,
    agent: Agent,
    action: string,
    data: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.audit.record(tx, { who, action, object: `agent:${agent.id}`, data });
  }
}

const ownOnly = (who: Principal): { userId?: string } => (isAdmin(who) ? {} : { userId: who.userId });
