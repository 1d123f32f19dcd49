import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
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
    return this.db.one(Instance, { id });
  }

  /** The one instance an agent has; null before it was made. */
  findOf(agentId: string): Promise<Instance | null> {
    return this.db.one(Instance, { agentId });
  }

  async getOf(agentId: string): Promise<Instance> {
    const instance = await this.findOf(agentId);
    if (!instance) throw new NotFound('agent', agentId);
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
    const change = {
      lastError: lastErrorAfter(instance, action, patch),
      ...patch,
      state,
      ...(state === from ? {} : { stateSince: this.clock.now() }),
    };
    Object.assign(instance, change);
    await tx.of(Instance).update({ id }, change);
    const orgId = await orgOf(tx, agentId);
    const about = { orgId, agentId, data: { instanceId: id, state, from, reason: instance.reason } };
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
      const data = { instanceId: id, state: instance.state };
      const { agentId } = instance;
      await tx.emit({ type: 'instance.current', orgId: await orgOf(tx, agentId), agentId, data });
    });
  }

  /** Stores what an instance waits for, and announces it: image builds take minutes. */
  async progress(id: string, reason: string): Promise<void> {
    await this.db.run(async (tx) => {
      const instance = await tx.lock(Instance, { id });
      if (!instance || instance.reason === reason) return;
      await tx.of(Instance).update({ id }, { reason });
      const data = { instanceId: id, state: instance.state, reason };
      const { agentId } = instance;
      await tx.emit({ type: 'instance.progress', orgId: await orgOf(tx, agentId), agentId, data });
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

function lastErrorAfter(instance: Instance, action: InstanceAction, patch: InstancePatch): string | null {
  // One that came up too late, and is taken down again, has not made good.
  if (action === 'ready' && instance.desired === 'running') return null;
  if (action === 'fail' || action === 'exited') return patch.reason ?? instance.lastError;
  return instance.lastError;
}

/** Whom an event about an agent concerns. */
async function orgOf(tx: Tx, agentId: string): Promise<string> {
  const [row] = await tx.query<{ org_id: string }>('select org_id from agents where id = $1', [agentId]);
  if (!row) throw new NotFound('agent', agentId);
  return row.org_id;
}
