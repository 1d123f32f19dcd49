import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { crashPoint } from '../crash-point.js';
import { Channels } from './channel.port.js';
import { EngineError } from './engine.errors.js';
import { ContainerEngine, type EngineEvent, type EngineInstance } from './engine.port.js';
import { afterExit, afterVanishing, ranWellSeconds, type AfterExit, unknownExit } from './exit.rules.js';
import { NoLongerWanted } from './image-waiter.service.js';
import { InstanceHooks } from './instance-hooks.js';
import { Instance } from './instance.entity.js';
import { can, type InstanceAction } from './instance.lifecycle.js';
import { InstanceProvisioner } from './instance-provisioner.service.js';
import { InstancesService, type InstancePatch } from './instances.service.js';
import { Signals } from './signals.js';

/** How long work may take to be parked before a stop. */
const longestParkMs = 5000;
/** How long its processes may take to end by themselves. */
const usualGraceSeconds = 10;

/** What the runner needs beside database and engine. */
@Injectable()
export class RunnerSurroundings {
  constructor(
    readonly hooks: InstanceHooks,
    readonly channels: Channels,
    readonly provisioner: InstanceProvisioner,
  ) {}
}

/** The steps of the reconciler: bring one instance up, take it down, clear it away. Each may be repeated. */
@Injectable()
export class InstanceRunner {
  private readonly logger = new Logger(InstanceRunner.name);
  readonly signals = new Signals();
  private readonly confirmed = new Map<string, string>();

  constructor(
    private readonly db: UnitOfWork,
    private readonly engine: ContainerEngine,
    private readonly instances: InstancesService,
    private readonly surroundings: RunnerSurroundings,
    private readonly clock: Clock,
  ) {}

  /** Remembers what an event says about the cause of an end. */
  note(event: EngineEvent): void {
    this.signals.note(event, this.clock.now());
  }

  /** Does the engine's picture differ from the row, so that somebody should look? */
  differs(row: Instance, real: EngineInstance | null): boolean {
    if (row.desired === 'removed') return true;
    const runs = real?.phase === 'running' || real?.phase === 'paused';
    if (row.state === 'running')
      return row.desired !== 'running' || !runs || real.startedAt !== row.boot || !!row.renewAt;
    if (row.state === 'failed' && row.desired === 'running') return runs;
    return row.desired === 'running' || runs || row.state !== 'stopped';
  }

  /** An instance runs as the row says. After a start of this process its followers have to hear it once. */
  async confirm(row: Instance): Promise<void> {
    if (!row.boot || this.confirmed.get(row.id) === row.boot) return;
    this.confirmed.set(row.id, row.boot);
    try {
      await this.surroundings.hooks.running(row);
    } catch (error) {
      this.confirmed.delete(row.id);
      throw error;
    }
  }

  /** Another server follows them from now on. */
  forgetConfirmed(): void {
    this.confirmed.clear();
  }

  /** @returns milliseconds after which to look again, or null when it runs or is given up */
  async up(instance: Instance, agent: Agent): Promise<number | null> {
    let real = await this.engine.inspect(instance.id);
    if (instance.state === 'running' && instance.renewAt !== null && !(await this.isCurrent(instance, agent, real))) {
      real = await this.takeDown(instance, real);
    } else if (instance.state === 'running') {
      if (instance.renewAt !== null) await this.instances.renewed(instance.id, instance.renewAt);
      if (real?.phase === 'running' && real.startedAt === instance.boot) {
        await this.confirm(instance);
        return null;
      }
      if (real?.phase === 'paused') return 5000;
      if (real?.phase !== 'running') return this.ended(instance, real);
      await this.surroundings.hooks.halted(instance.id, 'The container was restarted from outside Flotilla', true);
    }
    if (instance.state === 'stopping') await this.move(instance.id, 'halted', { reason: null });
    if (
      instance.state === 'failed' &&
      instance.failures > 0 &&
      instance.retryAt === null &&
      real?.phase !== 'running'
    ) {
      return null; // given up; only a new start command tries again
    }
    const wait = (instance.retryAt?.getTime() ?? 0) - this.clock.now().getTime();
    if (wait > 0 && real?.phase !== 'running') return wait;
    if (instance.state !== 'provisioning') await this.move(instance.id, 'start', { reason: null });
    let prepared: InstancePatch = {};
    try {
      real = await this.surroundings.provisioner.provision(instance, agent, real);
      if (real.phase === 'running') {
        prepared = await this.surroundings.hooks.prepare({
          instanceId: instance.id,
          agentId: agent.id,
          ref: real.ref,
        });
      }
    } catch (error) {
      if (error instanceof NoLongerWanted) return 0;
      return await this.failed(instance.id, error);
    }
    if (real.phase !== 'running') return this.ended(instance, real);
    crashPoint('provision.answered');
    this.signals.forget(instance.id);
    await this.running(instance, real, { ...prepared, revision: agent.revision });
    return null;
  }

  async down(instance: Instance): Promise<number | null> {
    const { hooks, channels } = this.surroundings;
    const real = await this.engine.inspect(instance.id);
    const runs = real !== null && (real.phase === 'running' || real.phase === 'paused');
    const reason = instance.reason ?? 'The agent was stopped';
    const atRest = instance.state === 'stopped' && !runs;
    if (!atRest && can(instance.state, 'stop')) await this.move(instance.id, 'stop');
    crashPoint('stop.announced');
    if (runs) await this.halt(instance, real);
    crashPoint('stop.halted');
    channels.close(instance.id);
    await hooks.halted(instance.id, reason, false);
    // It was to be started again after a pause: now it is not.
    if (atRest && instance.retryAt === null) return null;
    const after = await this.engine.inspect(instance.id);
    const exitCode = after?.exitCode ?? null;
    await this.move(instance.id, 'halted', { reason: null, exitCode, retryAt: null, failures: 0 });
    return null;
  }

  /** Does it run, and is it what is stored? */
  private async isCurrent(instance: Instance, agent: Agent, real: EngineInstance | null): Promise<boolean> {
    const runs = real?.phase === 'running' || real?.phase === 'paused';
    return runs && this.surroundings.provisioner.isCurrent(instance, agent, real);
  }

  /** It was asked to start and has other settings than those stored: down first, so that it comes up with them. */
  private async takeDown(instance: Instance, real: EngineInstance | null): Promise<EngineInstance | null> {
    if (real?.phase === 'running' || real?.phase === 'paused') await this.halt(instance, real);
    crashPoint('renew.halted');
    this.surroundings.channels.close(instance.id);
    await this.surroundings.hooks.halted(instance.id, 'The agent was started anew with changed settings', true);
    return this.engine.inspect(instance.id);
  }

  private halt(instance: Instance, real: EngineInstance): Promise<void> {
    return this.signals.duringOurs(instance.id, async () => {
      const graceSeconds = instance.graceSeconds ?? usualGraceSeconds;
      const parkMs = Math.min(longestParkMs, graceSeconds * 1000);
      await Promise.race([this.park(instance, real), this.clock.sleep(parkMs)]).catch((error: unknown) => {
        this.logger.warn(`Work of instance ${instance.id} could not be parked before it is stopped`, error);
      });
      await this.engine.stop(real.ref, graceSeconds);
    });
  }

  private async park(instance: Instance, real: EngineInstance): Promise<void> {
    // After a start of this process nobody follows it yet: what its runtime has done meanwhile is read first.
    if (real.phase === 'running' && real.startedAt === instance.boot) await this.confirm(instance);
    await this.surroundings.hooks.stopping(instance.id);
  }

  /** Takes away container and volumes of an instance that nobody wants, and its row if it still has one. */
  async clear(id: string, row: Instance | null): Promise<void> {
    this.surroundings.channels.close(id);
    await this.signals.duringOurs(id, async () => {
      await this.surroundings.hooks.halted(id, 'The agent was deleted', false);
      crashPoint('delete.closed');
      await this.engine.remove(id, { volumes: true });
    });
    crashPoint('delete.removed');
    this.signals.forget(id);
    this.confirmed.delete(id);
    if (row) await this.db.run((tx) => tx.of(Instance).delete({ id }));
  }

  /** Instance ids that own volumes and have no row. */
  async strayVolumes(known: ReadonlySet<string>): Promise<string[]> {
    const volumes = await this.engine.listVolumes();
    return [...new Set(volumes.map((volume) => volume.instanceId))].filter((id) => !known.has(id));
  }

  private async running(instance: Instance, real: EngineInstance, more: InstancePatch): Promise<void> {
    const startedAt = real.startedAt ? new Date(real.startedAt) : this.clock.now();
    const patch = { reason: null, ref: real.ref, containerName: real.name, image: real.image, boot: real.startedAt };
    const made = { layout: real.layout, limits: real.limits };
    const row = await this.move(instance.id, 'ready', {
      ...patch,
      ...more,
      made,
      // Who asked again meanwhile may have changed settings: then it is looked at once more.
      renewAt: instance.renewAt,
      startedAt,
      exitCode: null,
      oomKilled: false,
      retryAt: null,
    });
    crashPoint('provision.stored');
    if (row) await this.confirm(row);
  }

  /** It was wanted running and is not. */
  private async ended(instance: Instance, real: EngineInstance | null): Promise<number | null> {
    this.surroundings.channels.close(instance.id);
    const ranMs = this.clock.now().getTime() - instance.stateSince.getTime();
    // What ended while nobody could see it went with its engine or machine: that is not held against the agent.
    const ranWell = ranMs >= ranWellSeconds * 1000 || this.signals.hasEndedUnseen(instance.id);
    const failures = ranWell && instance.state === 'running' ? 0 : instance.failures;
    const fromOutside = this.signals.fromOutside(instance.id, this.clock.now());
    const { exitCode = null, oomKilled = false } = real ?? {};
    const after = real
      ? afterExit({ exitCode, oomKilled, fromOutside, failures, everRan: instance.startedAt !== null })
      : afterVanishing(failures);
    await this.surroundings.hooks.halted(instance.id, after.reason, after.verdict === 'retry');
    return this.settle(instance.id, after, { exitCode, oomKilled });
  }

  private async failed(id: string, error: unknown): Promise<number | null> {
    if (!(error instanceof EngineError) || error.fault === 'unreachable') throw error;
    const reason = error.message;
    const hopeless = error.fault !== 'not_found';
    const row = await this.instances.find(id);
    const failures = row?.failures ?? 0;
    const after = afterExit({ ...unknownExit, failures, everRan: row?.startedAt !== null });
    const verdict = hopeless ? 'fail' : after.verdict;
    if (verdict === 'fail') await this.surroundings.hooks.halted(id, reason, false);
    return this.settle(id, { ...after, verdict, reason }, {});
  }

  private async settle(id: string, after: AfterExit, patch: InstancePatch): Promise<number | null> {
    const delayMs = after.delaySeconds * 1000;
    const common = { ...patch, reason: after.reason, failures: after.failures };
    if (after.verdict === 'rest') {
      await this.move(id, 'exited', { ...common, desired: 'stopped', retryAt: null }, 'halted');
      return null;
    }
    if (after.verdict === 'fail') {
      await this.move(id, 'fail', { ...common, retryAt: null });
      return null;
    }
    await this.move(id, 'exited', { ...common, retryAt: new Date(this.clock.now().getTime() + delayMs) });
    return delayMs;
  }

  /** One move in its own transaction; null when the row is gone meanwhile. `then` follows when the first move left it provisioning. */
  private move(
    id: string,
    action: InstanceAction,
    patch: InstancePatch = {},
    then?: InstanceAction,
  ): Promise<Instance | null> {
    return this.db.run(async (tx) => {
      const row = await tx.lock(Instance, { id });
      if (!row || !can(row.state, action)) return null;
      // A command that came meanwhile is newer than what we saw.
      const { desired, renewAt: seen, ...rest } = patch;
      const looked = seen !== undefined && row.renewAt?.getTime() === seen?.getTime() ? { renewAt: null } : {};
      const wish = desired && row.desired === 'running' ? { desired } : {};
      await this.instances.move(tx, row, action, { ...rest, ...wish, ...looked });
      if (then && row.state === 'provisioning') {
        await this.instances.move(tx, row, 'stop');
        await this.instances.move(tx, row, then);
      }
      return row;
    });
  }
}
