import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Organisation } from '../accounts/organisation.entity.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import { Agent } from '../agents/agent.entity.js';
import { freeSlug } from '../agents/free-slug.js';
import { Clock } from '../clock.port.js';
import { crashPoint } from '../crash-point.js';
import { Conflict, LimitReached, TimedOut, Unavailable, Upstream, WrongState } from '../errors/domain-error.js';
import { AgentLifecycle } from '../instances/agent-lifecycle.service.js';
import { AgentMaking, type NewAgent } from '../instances/agent-making.service.js';
import { InstanceControl } from '../instances/instance-control.service.js';
import { Instance } from '../instances/instance.entity.js';
import type { InstanceState } from '../instances/instance.lifecycle.js';
import { phaseOf } from '../instances/instance.phase.js';
import { InstanceCommands } from '../instances/instance-commands.service.js';
import { Opening } from './opening.entity.js';
import { Openings } from './openings.service.js';

/** A new agent whose name in the installation is found for it. */
export type FreeAgent = Omit<NewAgent, 'slug'>;

export interface CreateOptions {
  /** Said to it as soon as it runs, by whoever makes it. */
  readonly prompt: string | null;
  /** Agents of the organisation that may run at once. */
  readonly runningLimit: number;
  readonly waitSeconds: number;
}

export interface StartOptions {
  readonly runningLimit: number;
  readonly waitSeconds: number;
  /** Of a restart: how long the running one may take to end. */
  readonly graceSeconds?: number;
}

/** Pieces of a start. */
@Injectable()
export class StartParts {
  constructor(
    readonly making: AgentMaking,
    readonly commands: InstanceCommands,
    readonly openings: Openings,
    readonly lifecycle: AgentLifecycle,
  ) {}
}

/**
 * Making and starting agents for callers who wait a bounded time, under a limit of how many of an organisation run at
 * once. What is not ready in time goes on, or goes back to rest, but never stays in between.
 */
@Injectable()
export class AgentStarts {
  constructor(
    private readonly db: UnitOfWork,
    private readonly control: InstanceControl,
    private readonly parts: StartParts,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes an agent and waits until it runs and was given its prompt; one that needs longer is answered as it is, and its
   * prompt follows. One that cannot come up stays, with its reason.
   * @throws LimitReached nothing was made; Upstream `start_failed` with the agent's id
   */
  async create(who: Principal, wish: FreeAgent, { prompt, runningLimit, waitSeconds }: CreateOptions): Promise<string> {
    this.control.requireEngine();
    const createdAt = this.clock.now();
    const { agentId, instanceId } = await this.named(wish, (slug) =>
      this.db.run(async (tx) => {
        await this.requireRoom(tx, who.orgId, runningLimit);
        const made = await this.parts.making.store(tx, who, { ...wish, slug });
        if (prompt !== null) {
          await tx.of(Opening).insert({ agentId: made.agentId, userId: who.userId, prompt, createdAt });
        }
        return made;
      }),
    );
    crashPoint('opening.stored');
    try {
      await this.comesUp(instanceId, waitSeconds);
    } catch (error) {
      // It goes on without us: it takes long, somebody stopped it, or the engine is away for a while.
      const goesOn = error instanceof TimedOut || error instanceof Unavailable;
      if (goesOn || (error instanceof Conflict && error.code === 'stopped_meanwhile')) return agentId;
      if (error instanceof Upstream) throw startFailed(error.message, agentId);
      throw error;
    }
    await this.parts.openings.send(agentId);
    return agentId;
  }

  /**
   * Starts a stopped agent, also one that waits for its next attempt. One that does not come up in time rests again, with
   * its reason. Throws `WrongState` for one that is on its way already.
   * @returns whether this call started it; false when it ran
   */
  async start(who: Principal, agent: Agent, options: StartOptions): Promise<boolean> {
    this.control.requireEngine();
    const { instance, begun } = await this.db.run(async (tx) => {
      await tx.lock(Organisation, { id: agent.orgId });
      const row = await this.locked(tx, agent);
      await requireStartable(tx, row);
      if (row.state === 'running' && row.desired === 'running') return { instance: row, begun: false };
      await this.requireRoom(tx, agent.orgId, options.runningLimit);
      await this.parts.commands.wishRunning(tx, who, agent, row);
      return { instance: row, begun: true };
    });
    if (!begun) await this.parts.commands.requireAnswer(instance);
    else await this.upInTime(instance.id, agent, options.waitSeconds);
    return begun;
  }

  /**
   * Takes an agent down and starts it again; a stopped one is started.
   * @param force also one that was given up: its container is made anew
   */
  async restart(who: Principal, agent: Agent, force: boolean, options: StartOptions): Promise<void> {
    this.control.requireEngine();
    const instance = await this.db.run(async (tx) => {
      await tx.lock(Organisation, { id: agent.orgId });
      const row = await this.locked(tx, agent);
      if (!(force && row.state === 'failed')) await requireStartable(tx, row);
      const held = row.desired === 'running' && row.state !== 'failed';
      if (!held) await this.requireRoom(tx, agent.orgId, options.runningLimit);
      // What differs from what is stored is made anew: that takes it down first if it runs.
      await tx.query('update agents set revision = revision + 1 where id = $1', [agent.id]);
      await this.parts.commands.wishRunning(tx, who, agent, row, options.graceSeconds ?? null);
      return row;
    });
    await this.upInTime(instance.id, agent, options.waitSeconds);
  }

  /** @returns whether this call stopped it; false when it rested already */
  async stop(who: Principal, agent: Agent, graceSeconds: number): Promise<boolean> {
    const instance = await this.control.getOf(agent.id);
    const phase = phaseOf(instance);
    // One that ended by itself rests only until its next attempt; one that somebody else stops is waited for.
    if (phase === 'stopped' && instance.desired !== 'running') return false;
    if (phase === 'provisioning' || phase === 'failed') throw new WrongState('Agent', wordFor(phase), 'be stopped');
    try {
      const { began } = await this.parts.lifecycle.stop(who, { id: agent.id }, graceSeconds);
      return began;
    } catch (error) {
      if (!(error instanceof TimedOut || error instanceof Upstream)) throw error;
      throw new Upstream('The agent could not be stopped', 'stop_failed', { details: { agentId: agent.id } });
    }
  }

  private async locked(tx: Tx, agent: Agent): Promise<Instance> {
    const row = await tx.lock(Instance, { agentId: agent.id });
    if (!row) throw agentDeleted();
    return row;
  }

  /** Everybody who makes or starts an agent of this organisation waits here, so that nobody counts what is about to change. */
  private async requireRoom(tx: Tx, orgId: string, limit: number): Promise<void> {
    await tx.lock(Organisation, { id: orgId });
    const [row] = await tx.query<{ running: number }>(
      `select count(*)::int as running from instances i join agents a on a.id = i.agent_id
       where a.org_id = $1 and i.state <> 'failed' and (i.desired = 'running' or i.state in ('running', 'provisioning'))`,
      [orgId],
    );
    if ((row?.running ?? 0) < limit) return;
    throw new LimitReached(`At most ${limit} agents of this organisation run at once: stop one first`, 'running_limit');
  }

  private async upInTime(instanceId: string, agent: Agent, seconds: number): Promise<void> {
    try {
      await this.comesUp(instanceId, seconds);
    } catch (error) {
      if (error instanceof TimedOut) {
        const reason = `It did not start within ${seconds} seconds`;
        await this.parts.commands.giveUp(instanceId, reason);
        throw startFailed(reason, agent.id);
      }
      throw error instanceof Upstream ? startFailed(error.message, agent.id) : error;
    }
    await this.parts.openings.send(agent.id);
  }

  private async comesUp(instanceId: string, seconds: number): Promise<void> {
    const now = await this.control.settled(instanceId, seconds);
    if (!now) throw agentDeleted();
    if (now.state === 'running' && now.desired === 'running') return;
    if (now.state === 'failed') throw new Upstream(now.reason ?? 'The container did not come up', 'start_failed');
    this.control.requireEngine();
    throw new Conflict('The agent was stopped meanwhile', 'stopped_meanwhile');
  }

  /** Tries until the name that was found is still free when it is stored. */
  private async named<T>(wish: FreeAgent, store: (slug: string) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const slug = await freeSlug(this.db, wish.displayName);
      try {
        return await store(slug);
      } catch (error) {
        const taken = error instanceof Conflict && error.code === 'agent_exists';
        if (!taken || attempt >= 50) throw error;
      }
    }
  }
}

/** Not one that was given up, nor one that is on its way: for the first time, again, or because it is being restarted. */
async function requireStartable(tx: Tx, row: Instance): Promise<void> {
  const phase = phaseOf(row);
  if (phase === 'failed') throw new WrongState('Agent', wordFor(phase), 'be started');
  if (phase === 'provisioning' || (await isRestarting(tx, row))) {
    throw new WrongState('Agent', 'provisioning', 'be started');
  }
}

/** It runs as it was, and is about to be made anew. */
async function isRestarting(tx: Tx, { state, renewAt, revision, agentId }: Instance): Promise<boolean> {
  if (state !== 'running' || renewAt === null) return false;
  const agent = await tx.of(Agent).findOneBy({ id: agentId });
  return agent !== null && agent.revision !== revision;
}

const wordFor = (state: InstanceState): string => (state === 'failed' ? 'in error' : state);

const startFailed = (reason: string, agentId: string): Upstream =>
  new Upstream(`The agent could not be started: ${reason}`, 'start_failed', { details: { agentId } });
