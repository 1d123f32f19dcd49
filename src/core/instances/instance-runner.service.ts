import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Agent } from '../agents/agent.entity.js';
import { memoryBytes } from '../agents/agent.rules.js';
import { Clock } from '../clock.port.js';
import { Channels } from './channel.port.js';
import { EngineError } from './engine.errors.js';
import { ContainerEngine, type EngineEvent, type EngineInstance, type InstanceSpec } from './engine.port.js';
import { afterExit, ranWellSeconds, type AfterExit } from './exit.rules.js';
import { InstanceHooks } from './instance-hooks.js';
import { Instance } from './instance.entity.js';
import { can, type InstanceAction } from './instance.lifecycle.js';
import { InstancesService, type InstancePatch } from './instances.service.js';

/** What the runner needs beside database and engine. */
@Injectable()
export class RunnerSurroundings {
  constructor(
    readonly hooks: InstanceHooks,
    readonly channels: Channels,
  ) {}
}

/** The steps of the reconciler: bring one instance up, take it down, clear it away. Each may be repeated. */
@Injectable()
export class InstanceRunner {
  private readonly logger = new Logger(InstanceRunner.name);
  /** Instances somebody signalled directly at the engine, since their last start. */
  private readonly signalled = new Set<string>();
  /** Instances we are stopping: their `kill` events are ours. */
  private readonly ours = new Set<string>();
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
    if (event.action === 'start') this.signalled.delete(event.instanceId);
    const stops = event.action === 'kill' || event.action === 'stop';
    if (stops && !this.ours.has(event.instanceId)) this.signalled.add(event.instanceId);
  }

  /** Does the engine's picture differ from the row, so that somebody should look? */
  differs(row: Instance, real: EngineInstance | null): boolean {
    if (row.desired === 'removed') return true;
    const runs = real?.phase === 'running' || real?.phase === 'paused';
    if (row.state === 'running') return row.desired !== 'running' || !runs || real.startedAt !== row.boot;
    if (row.state === 'failed' && row.desired === 'running') return runs;
    return row.desired === 'running' || runs || row.state !== 'stopped';
  }

  /** An instance runs as the row says. After a start of this process its followers have to hear it once. */
  async confirm(row: Instance): Promise<void> {
    if (!row.boot || this.confirmed.get(row.id) === row.boot) return;
    this.confirmed.set(row.id, row.boot);
    await this.surroundings.hooks.running(row);
  }

  /** @returns milliseconds after which to look again, or null when it runs or is given up */
  async up(instance: Instance, agent: Agent): Promise<number | null> {
    let real = await this.engine.inspect(instance.id);
    if (instance.state === 'running') {
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
    try {
      real = await this.provision(instance, agent, real);
    } catch (error) {
      return await this.failed(instance.id, error);
    }
    if (real.phase !== 'running') return this.ended(instance, real);
    this.signalled.delete(instance.id);
    await this.running(instance.id, real, agent.revision);
    return null;
  }

  async down(instance: Instance): Promise<number | null> {
    const real = await this.engine.inspect(instance.id);
    const runs = real !== null && (real.phase === 'running' || real.phase === 'paused');
    if (instance.state === 'stopped' && !runs) return null;
    const reason = instance.reason;
    if (can(instance.state, 'stop')) await this.move(instance.id, 'stop');
    if (runs) await this.halt(instance.id, real.ref);
    this.surroundings.channels.close(instance.id);
    const after = await this.engine.inspect(instance.id);
    await this.surroundings.hooks.halted(instance.id, reason ?? 'The agent was stopped', false);
    await this.move(instance.id, 'halted', { exitCode: after?.exitCode ?? null, retryAt: null, failures: 0 });
    return null;
  }

  private async halt(id: string, ref: string): Promise<void> {
    this.ours.add(id);
    try {
      await this.surroundings.hooks.stopping(id);
      await this.engine.stop(ref, 10);
    } finally {
      this.ours.delete(id);
    }
  }

  /** Takes away container and volumes of an instance that nobody wants, and its row if it still has one. */
  async clear(id: string, row: Instance | null): Promise<void> {
    this.surroundings.channels.close(id);
    this.ours.add(id);
    try {
      await this.surroundings.hooks.halted(id, 'The agent was deleted', false);
      await this.engine.remove(id, { volumes: true });
    } finally {
      this.ours.delete(id);
      this.signalled.delete(id);
      this.confirmed.delete(id);
    }
    if (row) await this.db.run((tx) => tx.of(Instance).delete({ id }));
  }

  /** Instance ids that own volumes and have no row. */
  async strayVolumes(known: ReadonlySet<string>): Promise<string[]> {
    const volumes = await this.engine.listVolumes();
    return [...new Set(volumes.map((volume) => volume.instanceId))].filter((id) => !known.has(id));
  }

  private async provision(instance: Instance, agent: Agent, found: EngineInstance | null): Promise<EngineInstance> {
    let real = found;
    if (real?.phase === 'running') return real;
    if (real && instance.revision !== 0 && instance.revision !== agent.revision) {
      await this.engine.remove(instance.id, { volumes: false });
      real = null;
    }
    if (!real) {
      if (!(await this.engine.findImage(agent.runtime))) await this.prepare(instance.id, agent.runtime);
      real = await this.engine.create(specOf(instance, agent));
    }
    await this.engine.start(real.ref);
    const started = await this.engine.inspect(instance.id);
    if (!started) throw new EngineError('not_found', 'The container vanished while it was started');
    return started;
  }

  private async prepare(id: string, runtime: string): Promise<void> {
    let last = 0;
    await this.engine.prepareImage(runtime, ({ step }) => {
      const now = this.clock.now().getTime();
      if (now - last < 1000) return;
      last = now;
      this.instances.progress(id, step).catch((error: unknown) => {
        this.logger.warn('Could not store build progress', error);
      });
    });
    await this.instances.progress(id, 'Image is ready; starting the container');
  }

  private async running(id: string, real: EngineInstance, revision: number): Promise<void> {
    const startedAt = real.startedAt ? new Date(real.startedAt) : this.clock.now();
    const patch = { reason: null, ref: real.ref, containerName: real.name, image: real.image, boot: real.startedAt };
    const row = await this.move(id, 'ready', {
      ...patch,
      startedAt,
      exitCode: null,
      oomKilled: false,
      retryAt: null,
      revision,
    });
    if (row) await this.confirm(row);
  }

  /** It was wanted running and is not. */
  private async ended(instance: Instance, real: EngineInstance | null): Promise<number | null> {
    this.surroundings.channels.close(instance.id);
    const ranMs = this.clock.now().getTime() - instance.stateSince.getTime();
    const ranWell = instance.state === 'running' && ranMs >= ranWellSeconds * 1000;
    const after = real
      ? afterExit({
          exitCode: real.exitCode,
          oomKilled: real.oomKilled,
          fromOutside: this.signalled.has(instance.id),
          failures: ranWell ? 0 : instance.failures,
        })
      : vanished(ranWell ? 0 : instance.failures);
    await this.surroundings.hooks.halted(instance.id, after.reason, after.verdict === 'retry');
    return this.settle(instance.id, after, { exitCode: real?.exitCode ?? null, oomKilled: real?.oomKilled ?? false });
  }

  private async failed(id: string, error: unknown): Promise<number | null> {
    if (!(error instanceof EngineError) || error.fault === 'unreachable') throw error;
    const reason = error.message;
    const hopeless = error.fault !== 'not_found';
    const row = await this.instances.find(id);
    const after = afterExit({ exitCode: null, oomKilled: false, fromOutside: false, failures: row?.failures ?? 0 });
    const verdict = hopeless ? 'fail' : after.verdict;
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
      const { desired, ...rest } = patch;
      const wish = desired && row.desired === 'running' ? { desired } : {};
      await this.instances.move(tx, row, action, { ...rest, ...wish });
      if (then && row.state === 'provisioning') {
        await this.instances.move(tx, row, 'stop');
        await this.instances.move(tx, row, then);
      }
      return row;
    });
  }
}

function vanished(failures: number): AfterExit {
  const after = afterExit({ exitCode: null, oomKilled: false, fromOutside: false, failures });
  return {
    ...after,
    reason: `The container was removed from outside Flotilla; making it again in ${after.delaySeconds} s`,
  };
}

function specOf(instance: Instance, agent: Agent): InstanceSpec {
  return {
    instanceId: instance.id,
    containerName: `flotilla-${agent.slug}-${instance.id.slice(0, 8)}`,
    agentName: agent.slug,
    runtime: agent.runtime,
    env: {
      AGENT_NAME: agent.slug,
      AGENT_TYPE: agent.type,
      AGENT_RUNTIME: agent.runtime,
      ...(agent.model ? { AGENT_RUNTIME_MODEL: agent.model } : {}),
      ...(agent.template ? { TEMPLATE_NAME: agent.template } : {}),
    },
    limits: { cpus: Number(agent.cpu), memoryBytes: memoryBytes(agent.memory) ?? 4 * 2 ** 30, pids: 512 },
  };
}
