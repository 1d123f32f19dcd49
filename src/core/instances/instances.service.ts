import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { NotFound, TimedOut } from '../errors/domain-error.js';
import { FleetEvents } from '../events/fleet-events.js';
import { Instance } from './instance.entity.js';
import { next, type InstanceAction } from './instance.lifecycle.js';

/** What changes beside the state when an instance moves. */
export type InstancePatch = Partial<Omit<Instance, 'id' | 'agentId' | 'state' | 'stateSince'>>;

/** Rows of instances, and waiting for them. Moves go through the transition table and are announced with their cause. */
@Injectable()
export class InstancesService {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly events: FleetEvents,
  ) {}

  find(id: string): Promise<Instance | null> {
    return this.db.of(Instance).findOneBy({ id });
  }

  /** The one instance an agent has; null before it was made. */
  findOf(agentId: string): Promise<Instance | null> {
    return this.db.of(Instance).findOneBy({ agentId });
  }

  async getOf(agentId: string): Promise<Instance> {
    const instance = await this.findOf(agentId);
    if (!instance) throw new NotFound('instance', agentId);
    return instance;
  }

  /** Calls back once after `seconds`; returns what cancels it. */
  after(seconds: number, run: () => void): () => void {
    return this.clock.after(seconds * 1000, run);
  }

  /** Moves an instance inside a transaction. Announces `instance.state`, and `agent.created|started|stopped` where they apply. */
  async move(tx: Tx, instance: Instance, action: InstanceAction, patch: InstancePatch = {}): Promise<void> {
    const from = instance.state;
    const state = next(from, action);
    const first = action === 'ready' && instance.startedAt === null;
    const { id, agentId } = instance;
    // One that came up too late, and is taken down again, has not made good.
    if (action === 'ready' && instance.desired === 'running') instance.lastError = null;
    else if (action === 'fail' || action === 'exited') instance.lastError = patch.reason ?? instance.lastError;
    Object.assign(instance, patch, { state }, state === from ? {} : { stateSince: this.clock.now() });
    await tx.of(Instance).save(instance);
    const agent = await tx.of(Agent).findOneByOrFail({ id: agentId });
    const about = { orgId: agent.orgId, agentId, data: { instanceId: id, state, from, reason: instance.reason } };
    await tx.emit({ type: 'instance.state', ...about });
    if (first) await tx.emit({ type: 'agent.created', ...about });
    if (action === 'ready') {
      const data = { ...about.data, credentials: instance.credentials };
      await tx.emit({ type: 'agent.started', ...about, data });
    }
    if (state === 'stopped' && from !== 'stopped') await tx.emit({ type: 'agent.stopped', ...about });
  }

  /** What runs was compared with what is stored, for whoever asked at that time. */
  async renewed(id: string, askedAt: Date): Promise<void> {
    await this.db.run(async (tx) => {
      const instance = await tx.lock(Instance, { id });
      if (instance?.renewAt?.getTime() !== askedAt.getTime()) return;
      await tx.of(Instance).update({ id }, { renewAt: null });
      const agent = await tx.of(Agent).findOneByOrFail({ id: instance.agentId });
      const data = { instanceId: id, state: instance.state };
      await tx.emit({ type: 'instance.current', orgId: agent.orgId, agentId: agent.id, data });
    });
  }

  /** Stores what an instance waits for, and announces it: image builds take minutes. */
  async progress(id: string, reason: string): Promise<void> {
    await this.db.run(async (tx) => {
      const instance = await tx.lock(Instance, { id });
      if (!instance || instance.reason === reason) return;
      instance.reason = reason;
      await tx.of(Instance).save(instance);
      const agent = await tx.of(Agent).findOneByOrFail({ id: instance.agentId });
      const data = { instanceId: id, state: instance.state, reason };
      await tx.emit({ type: 'instance.progress', orgId: agent.orgId, agentId: agent.id, data });
    });
  }

  /**
   * Waits until `done` holds for an instance; null stands for one that is gone.
   * Throws `TimedOut` after `seconds`.
   */
  async until(id: string, done: (instance: Instance | null) => boolean, seconds: number): Promise<Instance | null> {
    const deadline = this.clock.now().getTime() + seconds * 1000;
    let wake = (): void => undefined;
    const stop = this.events.subscribe((events) => {
      if (events.some((event) => event.data['instanceId'] === id || event.type === 'agent.deleted')) wake();
    });
    try {
      for (;;) {
        const changed = new Promise<void>((resolve) => (wake = resolve));
        const instance = await this.find(id);
        if (done(instance)) return instance;
        const left = deadline - this.clock.now().getTime();
        if (left <= 0) throw new TimedOut('The agent did not get there in time', 'instance_timeout');
        // The event wakes us; the pause is a net under a lost one.
        const cancel = this.clock.after(Math.min(left, 1000), () => {
          wake();
        });
        await changed;
        cancel();
      }
    } finally {
      stop();
    }
  }
}
