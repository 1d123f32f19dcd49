import { Injectable, Logger } from '@nestjs/common';
import type { Tx } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Invalid } from '../errors/domain-error.js';
import { ContainerEngine } from './engine.port.js';
import { EngineWatch } from './engine-watch.service.js';
import type { Instance } from './instance.entity.js';
import { containerNameOf } from './instance-spec.js';
import { InstanceHooks } from './instance-hooks.js';
import { InstancesService, type InstancePatch } from './instances.service.js';
import { Reconciler } from './reconciler.service.js';

/** What commands on agents need of instances: the wish is written elsewhere, here is the waiting. */
@Injectable()
export class InstanceControl {
  private readonly logger = new Logger(InstanceControl.name);

  constructor(
    private readonly instances: InstancesService,
    private readonly reconciler: Reconciler,
    private readonly watch: EngineWatch,
    private readonly engine: ContainerEngine,
    private readonly hooks: InstanceHooks,
  ) {}

  get engineConnected(): boolean {
    return this.watch.connected;
  }

  /** Throws `Unavailable` while the engine does not answer. */
  requireEngine(): void {
    this.watch.require();
  }

  /** Throws `Invalid` where agents cannot be made from images of their own. */
  requireOwnImages(): void {
    if (this.engine.abilities.ownImages) return;
    throw new Invalid('The engine of this server runs no images: leave the image out', [], 'images_unsupported');
  }

  findOf(agentId: string): Promise<Instance | null> {
    return this.instances.findOf(agentId);
  }

  getOf(agentId: string): Promise<Instance> {
    return this.instances.getOf(agentId);
  }

  /** Gives an instance that was given up another chance, in the caller's transaction. */
  revive(tx: Tx, instance: Instance, patch: InstancePatch): Promise<void> {
    return this.instances.move(tx, instance, 'start', { ...patch, reason: null });
  }

  /** What ends with a person's stop, in the caller's transaction. */
  stopAsked(tx: Tx, who: Principal, agentId: string): Promise<void> {
    return this.hooks.stopAsked(tx, who, agentId);
  }

  /** What hangs on an agent without belonging to it, in the transaction that deletes it; call the answer after its rows went. */
  deleting(tx: Tx, agentId: string): Promise<() => Promise<void>> {
    return this.hooks.deleting(tx, agentId);
  }

  kick(id: string): void {
    void this.reconciler.kick(id);
  }

  until(id: string, done: (now: Instance | null) => boolean, seconds: number): Promise<Instance | null> {
    return this.instances.until(id, done, seconds);
  }

  /** Waits until an instance runs, is given up, is no longer wanted running, is gone, or the engine went away. */
  settled(id: string, seconds: number): Promise<Instance | null> {
    this.kick(id);
    const over = (now: Instance | null): boolean =>
      now === null ||
      now.state === 'failed' ||
      now.desired !== 'running' ||
      (now.state === 'running' && now.boot !== null && now.renewAt === null) ||
      !this.watch.connected;
    return this.instances.until(id, over, seconds);
  }

  /** Sees to it that container and volumes of a deleted row go; waits a while, and the sweep after a reconnect does the rest. */
  async cleared(id: string, seconds: number): Promise<void> {
    const over = new AbortController();
    const work = this.reconciler.kick(id).then(() => this.gone(id, over.signal));
    let cancel = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      cancel = this.instances.after(seconds, resolve);
    });
    await Promise.race([work, late]).finally(() => {
      cancel();
      over.abort();
    });
  }

  /** Where another server does the work, only the engine tells when it is done: the row is gone. */
  private async gone(id: string, over: AbortSignal): Promise<void> {
    const there = (): Promise<boolean> =>
      this.engine.inspect(id).then(
        (found) => found !== null,
        () => false,
      );
    while (!this.reconciler.leads && !over.aborted && (await there())) {
      await new Promise<void>((resolve) => this.instances.after(0.2, resolve));
    }
  }

  /** Gives a container its new name for people. Only for people: a failure is logged, and the next start tries again. */
  async renamed(id: string, slug: string): Promise<void> {
    const instance = await this.instances.find(id);
    if (!instance?.ref) return;
    try {
      await this.engine.rename(instance.ref, containerNameOf(slug, id));
    } catch (error) {
      this.logger.warn(`Could not rename the container of ${slug}`, error);
    }
  }
}
