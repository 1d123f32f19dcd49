import { Injectable, Logger } from '@nestjs/common';
import type { Agent } from '../agents/agent.entity.js';
import { crashPoint } from '../crash-point.js';
import { Channels } from './channel.port.js';
import { EngineError } from './engine.errors.js';
import { ContainerEngine, type EngineInstance, type InstanceSpec } from './engine.port.js';
import { HomeLayouts } from './home-layouts.service.js';
import { ImageWaiter, NoLongerWanted } from './image-waiter.service.js';
import { Instance } from './instance.entity.js';
import { isMadeFrom, specOf } from './instance-spec.js';
import { InstancesService } from './instances.service.js';

/** Makes the container of an instance as its agent is stored, and starts it. Each step may be repeated after a crash. */
@Injectable()
export class InstanceProvisioner {
  private readonly logger = new Logger(InstanceProvisioner.name);

  constructor(
    private readonly engine: ContainerEngine,
    private readonly instances: InstancesService,
    private readonly channels: Channels,
    private readonly images: ImageWaiter,
    private readonly layouts: HomeLayouts,
  ) {}

  /** Was this container made from what is stored now? */
  async isCurrent(instance: Instance, agent: Agent, real: EngineInstance): Promise<boolean> {
    return matches(instance, agent, real, await this.spec(instance.id, agent));
  }

  /** What is there and runs is taken as it is. */
  async provision(instance: Instance, agent: Agent, found: EngineInstance | null): Promise<EngineInstance> {
    let real = found;
    if (real?.phase === 'running') return real;
    const spec = await this.spec(instance.id, agent);
    if (real && !matches(instance, agent, real, spec)) {
      await this.engine.remove(instance.id, { volumes: false });
      crashPoint('recreate.removed');
      real = null;
    }
    if (!real) {
      await this.images.ready(instance.id, agent);
      await this.requireWanted(instance.id);
      real = await this.engine.create(spec);
      crashPoint('provision.created');
    }
    if (real.name !== spec.containerName) {
      await this.engine.rename(real.ref, spec.containerName).catch((error: unknown) => {
        this.logger.warn(`Could not rename the container of ${agent.slug}`, error);
      });
    }
    await this.requireWanted(instance.id);
    await this.engine.start(real.ref);
    crashPoint('provision.started');
    await this.answers(instance.id, real.ref);
    const started = await this.engine.inspect(instance.id);
    if (!started) throw new EngineError('not_found', 'The container vanished while it was started');
    return started;
  }

  private async spec(instanceId: string, agent: Agent): Promise<InstanceSpec> {
    return specOf(instanceId, agent, await this.layouts.wanted(agent, instanceId));
  }

  /** A main process that ends at once has not come up: only one that takes commands has. */
  private async answers(instanceId: string, ref: string): Promise<void> {
    // The agent's own channel is needed next, by the first step of the start: an exec each, tens of milliseconds, both at once.
    this.channels.of({ instanceId, ref }, 'developer').catch(() => undefined);
    try {
      await (await this.channels.of({ instanceId, ref }, 'root')).ping();
    } catch (error) {
      if ((await this.engine.inspect(instanceId))?.phase === 'running') throw error;
    }
  }

  private async requireWanted(id: string): Promise<void> {
    if ((await this.instances.find(id))?.desired !== 'running') throw new NoLongerWanted();
  }
}

const matches = (instance: Instance, agent: Agent, real: EngineInstance, spec: InstanceSpec): boolean =>
  isMadeFrom(real, spec) && (instance.revision === 0 || instance.revision === agent.revision);
