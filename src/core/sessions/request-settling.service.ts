import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Conflict, NotFound } from '../errors/domain-error.js';
import { Instance } from '../instances/instance.entity.js';
import { Generation } from '../runtimes/generation.entity.js';
import { Spool } from '../runtimes/spool.service.js';
import { AgentRequest } from './agent-request.entity.js';
import { QuestionCarrier } from './question-carrier.service.js';
import { announceAnswer } from './request-closing.js';
import { SessionLog } from './session-log.js';
import { SessionStreams } from './session-streams.js';
import { Session } from './session.entity.js';
import { TurnIntake } from './turn-intake.service.js';
import { TurnPump } from './turn-pump.service.js';
import { Turn } from './turn.entity.js';

/** How answers reach the runtime. */
@Injectable()
export class RequestRoads {
  constructor(
    readonly spool: Spool,
    readonly carrier: QuestionCarrier,
    readonly streams: SessionStreams,
    readonly audit: Audit,
    readonly pump: TurnPump,
  ) {}
}

/** What follows a reject: the agent hears why as its next prompt; without words the turn ends. */
export interface AfterReject {
  readonly message: string | null;
}

export interface Settlement {
  readonly by: string;
  readonly state: 'answered' | 'answering' | 'expired';
  readonly answer: Record<string, unknown>;
  /** For ACP; a bridged question is carried otherwise. */
  readonly result?: Record<string, unknown>;
}

export interface Settling {
  /** What it is answered with, decided with all rows locked. */
  readonly answer: (row: AgentRequest, agent: Agent) => Settlement;
  /** What else is open in the same conversation and gets the same answer. Default: nothing. */
  readonly covers?: (row: AgentRequest, other: AgentRequest) => boolean;
  readonly after?: AfterReject;
}

/** Rows that are locked while a request is settled. */
interface Held {
  readonly agent: Agent;
  readonly generation: Generation;
  readonly session: Session;
  readonly log: SessionLog;
}

/** Settles requests: exactly once, in one transaction with everything that follows from the answer. */
@Injectable()
export class RequestSettling {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly roads: RequestRoads,
    private readonly intake: TurnIntake,
  ) {}

  /** Throws `Conflict` when it was answered before, or the agent does not wait any more. */
  async settle(who: Principal | null, id: string, settling: Settling): Promise<AgentRequest> {
    const { rows, logs } = await this.db.run(async (tx) => {
      const first = await tx.of(AgentRequest).findOneBy({ id });
      if (!first) throw new NotFound('request', id);
      // The order of locks is the same everywhere: agent, instance, generation, session, request, turn.
      const agent = await tx.lock(Agent, { id: first.agentId });
      if (settling.after) await tx.lock(Instance, { id: first.instanceId });
      const generation = await tx.lock(Generation, { instanceId: first.instanceId, number: first.generation });
      const session = await tx.lock(Session, { id: first.sessionId });
      const request = await tx.lock(AgentRequest, { id });
      if (request?.state !== 'open') throw new Conflict(`This ${first.kind} was answered before`, 'already_answered');
      if (!agent || !generation || generation.state === 'ended' || !session) {
        throw new Conflict('The agent does not wait for this any more', 'not_waiting');
      }
      const log = new SessionLog(tx, this.clock.now());
      const held = { agent, generation, session, log };
      const settled = [request, ...(await this.covered(tx, request, settling))];
      for (const row of settled) await this.store(tx, who, held, row, settling.answer(row, agent));
      await tx.of(Agent).save(agent);
      await log.flush();
      const next = who && settling.after ? await this.goOn(tx, who, held, request, settling.after) : null;
      return { rows: settled, logs: [log, ...(next ? [next] : [])] };
    });
    for (const log of logs) for (const event of log.appended) this.roads.streams.event(event);
    const [row] = rows;
    if (!row) throw new NotFound('request', id);
    const instance = await this.db.of(Instance).findOneBy({ id: row.instanceId });
    if (instance) await this.deliver(instance, rows);
    if (settling.after) void this.roads.pump.kick(row.instanceId);
    return row;
  }

  /** Brings a stored answer to a runtime that takes it beside ACP. */
  carry(instance: Instance, requestId: string): Promise<void> {
    return this.roads.carrier.carry(instance, requestId);
  }

  private async covered(tx: Tx, request: AgentRequest, { covers }: Settling): Promise<AgentRequest[]> {
    if (!covers) return [];
    const { sessionId, instanceId, generation } = request;
    const open = await tx.of(AgentRequest).find({
      where: { sessionId, instanceId, generation, state: 'open' },
      order: { createdAt: 'ASC' },
      lock: { mode: 'pessimistic_write' },
    });
    return open.filter((other) => other.id !== request.id && covers(request, other));
  }

  private async store(
    tx: Tx,
    who: Principal | null,
    { generation, session, log }: Held,
    request: AgentRequest,
    { by, state, answer, result }: Settlement,
  ): Promise<void> {
    Object.assign(request, { state, answer, answeredBy: by, answeredAt: this.clock.now() });
    await tx.of(AgentRequest).save(request);
    if (result) await this.roads.spool.push(tx, generation, { id: JSON.parse(request.rpcId) as unknown, result });
    const kind = request.kind === 'approval' ? 'approval_answered' : 'question_answered';
    log.append(session, kind, { requestId: request.id, ...answer, by }, { turnId: request.turnId });
    await this.roads.audit.record(tx, {
      who,
      action: `${request.kind}.${state === 'expired' ? 'expired' : 'answered'}`,
      object: `agent:${request.agentId}`,
      data: { requestId: request.id, ...(request.kind === 'approval' ? answer : {}) },
    });
    await announceAnswer(tx, request);
  }

  /** Ends the turn that was refused something, or has the reason follow it in the same conversation. */
  private async goOn(
    tx: Tx,
    who: Principal,
    { agent, session }: Held,
    { turnId }: AgentRequest,
    { message }: AfterReject,
  ): Promise<SessionLog | null> {
    if (message !== null && session.purpose === 'chat') {
      const turn = turnId === null ? null : await tx.of(Turn).findOneBy({ id: turnId });
      const prompt = { text: message, sessionId: session.id, apart: true, lane: turn?.lane ?? 'session' } as const;
      return (await this.intake.accept(tx, who.userId, agent, prompt)).log;
    }
    const turn = turnId === null ? null : await tx.lock(Turn, { id: turnId });
    if (turn?.state === 'running') await tx.of(Turn).update({ id: turn.id }, { cancelRequested: true });
    return null;
  }

  /** The answers are stored; if this fails they are delivered again by whoever takes over. */
  private async deliver(instance: Instance, rows: readonly AgentRequest[]): Promise<void> {
    for (const row of rows) if (row.state === 'answering') void this.carry(instance, row.id);
    const spooled = rows.find((row) => row.state !== 'answering');
    if (spooled) await this.roads.spool.deliver(instance, spooled.generation);
  }
}
