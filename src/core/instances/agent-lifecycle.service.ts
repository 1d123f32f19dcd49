import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { Access, type AgentRef } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import { AgentShare } from '../agents/agent-share.entity.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import { Agent, type ApprovalsMode } from '../agents/agent.entity.js';
import { renamedSlugOf, reservedNames, systemAgentName } from '../agents/agent.rules.js';
import { Clock } from '../clock.port.js';
import { crashPoint } from '../crash-point.js';
import { Conflict, Forbidden, Invalid, NotFound, Unavailable, Upstream } from '../errors/domain-error.js';
import { AgentMaking, asConflict, type NewAgent } from './agent-making.service.js';
import { Instance } from './instance.entity.js';
import { InstanceControl } from './instance-control.service.js';
import type { InstancePatch } from './instances.service.js';

/** An agent with the one instance it has. */
export interface AgentWithInstance {
  readonly agent: Agent;
  readonly instance: Instance;
}

export interface Renamed extends AgentWithInstance {
  readonly oldSlug: string;
  readonly wasRunning: boolean;
}

export interface Stopped extends AgentWithInstance {
  /** This call is the one that stops it. */
  readonly began: boolean;
}

/** Seconds a create or start waits: a first image build takes minutes. */
const buildSeconds = 1200;
const stopSeconds = 30;
const removeSeconds = 15;

/** What commands are noted with. */
@Injectable()
export class CommandRecords {
  constructor(
    readonly clock: Clock,
    readonly audit: Audit,
  ) {}
}

/** Creating, starting, stopping, renaming and deleting agents: each writes a wish and waits for the reconciler. */
@Injectable()
export class AgentLifecycle {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly control: InstanceControl,
    private readonly making: AgentMaking,
    private readonly records: CommandRecords,
  ) {}

  /** Makes an agent and its container, and starts it. What fails is rolled back: no row, container or volume stays. */
  async create(who: Principal, wish: NewAgent): Promise<AgentWithInstance> {
    if (wish.image) this.control.requireOwnImages();
    this.control.requireEngine();
    const { agentId, instanceId: id } = await this.db.run((tx) => this.making.store(tx, who, wish));
    crashPoint('create.stored');
    try {
      await this.settled(id, buildSeconds);
      crashPoint('create.settled');
      return await this.load(agentId);
    } catch (error) {
      // A person stopped it while it was made: what they see is a stopped agent, not one that vanished.
      if (error instanceof Conflict && error.code === 'stopped_meanwhile') return this.load(agentId);
      await this.db.run((tx) => tx.of(Agent).delete({ id: agentId }));
      await this.control.cleared(id, removeSeconds);
      throw error;
    }
  }

  /** Running already is success; it is made again if its settings changed since. Throws with the reason when it does not come up. */
  async start(who: Principal, slug: string): Promise<AgentWithInstance> {
    const agent = await this.access.agent(who, { slug }, 'operate');
    this.control.requireEngine();
    const renewAt = this.records.clock.now();
    const { id } = await this.wish(who, agent, { slug }, { desired: 'running', failures: 0, retryAt: null, renewAt });
    await this.settled(id, buildSeconds);
    return this.load(agent.id);
  }

  /** TERM, 10 s (or `graceSeconds`), KILL. Stopped already is success. */
  async stop(who: Principal, ref: AgentRef, graceSeconds: number | null = null): Promise<Stopped> {
    const agent = await this.access.agent(who, ref, 'operate');
    await this.db.run((tx) => this.control.stopAsked(tx, who, agent.id));
    const began = await this.halt(who, agent, ref, graceSeconds);
    return { ...(await this.load(agent.id)), began };
  }

  /** Stops the agent if it runs, then moves it to its new name; it stays stopped until it is started. */
  async rename(who: Principal, slug: string, newName: string): Promise<Renamed> {
    if (slug === systemAgentName) throw new Forbidden('System agents cannot be renamed', 'system_agent');
    const agent = await this.access.agent(who, { slug }, 'own');
    if (agent.isSystem) throw new Forbidden('System agents cannot be renamed', 'system_agent');
    const newSlug = renamedSlugOf(newName);
    if (newSlug === agent.slug) throw new Invalid('New name is the same as the current name', [], 'same_name');
    await this.requireFree(newSlug);
    const before = await this.control.getOf(agent.id);
    const wasRunning = before.state === 'running';
    if (before.state !== 'stopped' || before.desired !== 'stopped') await this.halt(who, agent, { slug });
    crashPoint('rename.halted');
    const displayName = agent.displayName === agent.slug ? newSlug : agent.displayName;
    await this.db
      .run(async (tx) => {
        // The instance first, as everywhere: nobody starts it between its stop and its new name.
        const instance = await tx.lock(Instance, { agentId: agent.id });
        if (instance?.desired === 'running') {
          throw new Conflict('The agent was started meanwhile', 'started_meanwhile');
        }
        const change = { slug: newSlug, displayName, updatedAt: this.records.clock.now() };
        const { affected } = await tx.of(Agent).update({ id: agent.id, slug: agent.slug }, change);
        if (!affected) throw await overtaken(tx, agent);
        const data = { oldSlug: agent.slug, newSlug, audience: await audienceOf(tx.of(AgentShare), agent) };
        await this.record(tx, who, 'agent.renamed', agent.id, { from: agent.slug, to: newSlug });
        await tx.emit({ type: 'agent.renamed', orgId: agent.orgId, agentId: agent.id, data });
      })
      .catch(asConflict);
    crashPoint('rename.stored');
    await this.control.renamed(before.id, newSlug);
    crashPoint('rename.done');
    return { ...(await this.load(agent.id)), oldSlug: agent.slug, wasRunning };
  }

  /** Rows go first and at once; container and volumes follow, also when the engine is away now. */
  async remove(who: Principal, ref: AgentRef): Promise<void> {
    if ('slug' in ref && reservedNames.has(ref.slug)) {
      throw new Forbidden('System agents cannot be deleted', 'system_agent');
    }
    const agent = await this.access.agent(who, ref, 'own');
    if (agent.isSystem) throw new Forbidden('System agents cannot be deleted', 'system_agent');
    const instance = await this.control.findOf(agent.id);
    await this.db.run(async (tx) => {
      await tx.lock(Instance, { agentId: agent.id });
      const audience = await audienceOf(tx.of(AgentShare), agent);
      const afterwards = await this.control.deleting(tx, agent.id);
      // Who named it by name means the one that has the name now.
      const { affected } = await tx.of(Agent).delete({ ...ref, id: agent.id });
      if (!affected) throw await overtaken(tx, agent);
      await afterwards();
      await tx.query('delete from api_keys where agent_id = $1', [agent.id]);
      const data = { slug: agent.slug, instanceId: instance?.id ?? null, audience };
      await this.record(tx, who, 'agent.deleted', agent.id, { slug: agent.slug });
      await tx.emit({ type: 'agent.deleted', orgId: agent.orgId, agentId: agent.id, data });
    });
    crashPoint('delete.stored');
    if (instance) await this.control.cleared(instance.id, removeSeconds);
  }

  /** What an agent asks before it acts. A runtime that cannot ask refuses `ask` (checked by the caller, who knows runtimes). */
  async setApprovals(who: Principal, slug: string, approvals: ApprovalsMode): Promise<Agent> {
    const { id } = await this.access.agent(who, { slug }, 'own');
    return this.db.run(async (tx) => {
      const agent = await tx.lock(Agent, { id });
      if (!agent) throw agentDeleted();
      if (agent.approvals === approvals) return agent;
      Object.assign(agent, { approvals, updatedAt: this.records.clock.now() });
      await tx.of(Agent).save(agent);
      await this.record(tx, who, 'agent.approvals_changed', id, { approvals });
      await tx.emit({ type: 'agent.configured', orgId: agent.orgId, agentId: id, data: { approvals } });
      return agent;
    });
  }

  /** @returns whether nobody else had asked for it yet */
  private async halt(
    who: Principal,
    agent: Agent,
    ref: AgentRef,
    graceSeconds: number | null = null,
  ): Promise<boolean> {
    const before = await this.control.getOf(agent.id);
    if (before.state === 'stopped' && before.desired === 'stopped') return false;
    this.control.requireEngine();
    const { id, changed } = await this.wish(who, agent, ref, { desired: 'stopped', reason: null, graceSeconds });
    const over = (now: Instance | null): boolean =>
      now === null || now.state === 'stopped' || now.desired !== 'stopped' || !this.control.engineConnected;
    const ended = await this.control.until(id, over, stopSeconds);
    if (!ended) throw agentDeleted();
    if (ended.state === 'stopped') return changed;
    if (ended.desired !== 'stopped') throw new Conflict('The agent was started meanwhile', 'started_meanwhile');
    throw new Unavailable('Docker is not available', 'engine_unavailable', 2);
  }

  /** @param ref how the caller named it: who named it by name means the one that has the name now */
  private async wish(
    who: Principal,
    agent: Agent,
    ref: AgentRef,
    patch: InstancePatch,
  ): Promise<{ id: string; changed: boolean }> {
    const wished = await this.db.run(async (tx) => {
      const instance = await tx.lock(Instance, { agentId: agent.id });
      if (!instance || !(await tx.of(Agent).existsBy({ ...ref, id: agent.id }))) {
        throw await overtaken(tx, agent);
      }
      const changed = instance.desired !== patch.desired;
      const revived = patch.desired === 'running' && instance.state === 'failed';
      if (revived) await this.control.revive(tx, instance, patch);
      else await tx.of(Instance).update({ id: instance.id }, patch);
      const action = patch.desired === 'running' ? 'agent.start_asked' : 'agent.stop_asked';
      await this.record(tx, who, action, agent.id, { slug: agent.slug });
      return { id: instance.id, changed };
    });
    this.control.kick(wished.id);
    return wished;
  }

  private record(
    tx: Tx,
    who: Principal,
    action: string,
    agentId: string,
    data: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    return this.records.audit.record(tx, { who, action, object: `agent:${agentId}`, data });
  }

  private async settled(id: string, seconds: number): Promise<void> {
    const now = await this.control.settled(id, seconds);
    if (!now) throw agentDeleted();
    if (now.state === 'running') return;
    if (!this.control.engineConnected) throw new Unavailable('Docker is not available', 'engine_unavailable', 2);
    if (now.desired !== 'running') throw new Conflict('The agent was stopped meanwhile', 'stopped_meanwhile');
    throw new Upstream(now.reason ?? 'the container did not come up', 'start_failed');
  }

  private async requireFree(slug: string): Promise<void> {
    const taken = await this.db.of(Agent).existsBy({ slug });
    if (taken) throw new Conflict(`An agent named '${slug}' already exists`, 'agent_exists');
  }

  private async load(agentId: string): Promise<AgentWithInstance> {
    const [agent, instance] = await Promise.all([this.db.one(Agent, { id: agentId }), this.control.findOf(agentId)]);
    if (!agent || !instance) throw agentDeleted();
    return { agent, instance };
  }
}

/** Why an agent that was there a moment ago is not there under its name any more. */
async function overtaken(tx: Tx, { id, slug }: Agent): Promise<Error> {
  const renamed = await tx.of(Agent).existsBy({ id });
  if (renamed) return new Conflict('The agent was renamed meanwhile', 'renamed_meanwhile');
  return new NotFound('agent', slug);
}

/** Who could see an agent, kept in events that outlive it. */
async function audienceOf(
  shares: { findBy(where: { agentId: string }): Promise<AgentShare[]> },
  agent: Agent,
): Promise<{ ownerId: string; emails: string[] }> {
  const emails = (await shares.findBy({ agentId: agent.id })).map((share) => share.email);
  return { ownerId: agent.ownerId, emails };
}
