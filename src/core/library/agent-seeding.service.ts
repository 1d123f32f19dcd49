import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { AgentSeed } from '../agents/agent-seed.entity.js';
import { crashPoint } from '../crash-point.js';
import { ChannelError, Channels, type Channel } from '../instances/channel.port.js';
import { EngineError } from '../instances/engine.errors.js';
import { ContainerEngine } from '../instances/engine.port.js';
import type { StartingInstance, StartStep } from '../instances/instance-hooks.js';
import { type InstancePatch, InstancesService } from '../instances/instances.service.js';
import { checkOut } from './check-out.js';
import { Repositories } from './repositories.port.js';
import { TemplateFolders } from './template-folders.port.js';

/** Where a repository lies on its way into the home. */
const bundle = '.flotilla-repository.bundle';
const checkOutMs = 300_000;

/** What seeding reads from. */
@Injectable()
export class SeedSources {
  constructor(
    readonly folders: TemplateFolders,
    readonly repositories: Repositories,
  ) {}
}

/**
 * Fills an agent's home before its first start, as the agent's own user: a repository first, then what a template adds.
 * Done once: what it did not finish it does again, what is there already it leaves alone.
 */
@Injectable()
export class AgentSeeding implements StartStep {
  constructor(
    private readonly db: UnitOfWork,
    private readonly instances: InstancesService,
    private readonly channels: Channels,
    private readonly engine: ContainerEngine,
    private readonly sources: SeedSources,
  ) {}

  async prepare(instance: StartingInstance): Promise<InstancePatch> {
    const seed = await this.db.of(AgentSeed).findOneBy({ agentId: instance.agentId });
    if (!seed || seed.deliveredAt) return {};
    try {
      await this.deliver(seed, instance);
    } catch (error) {
      // A channel that broke or an engine that went away is tried again; what the source said is final.
      if (error instanceof EngineError || (error instanceof ChannelError && error.fault === 'closed')) throw error;
      // A half-filled home must not run.
      await this.engine.stop(instance.ref, 1).catch(() => undefined);
      const reason = error instanceof Error ? error.message : 'unknown failure';
      throw new EngineError('refused', `Its files could not be put in place: ${reason}`, { cause: error });
    }
    return {};
  }

  private async deliver(seed: AgentSeed, { instanceId, ref }: StartingInstance): Promise<void> {
    const channel = await this.channels.of({ instanceId, ref }, 'developer');
    if (seed.repository !== null) {
      await this.instances.progress(instanceId, `Cloning ${seed.repository}`);
      await this.deliverRepository(channel, seed.repository, seed.branch);
    }
    if (seed.template !== null) await this.deliverTemplate(channel, seed.template);
    await this.db.query('update agent_seeds set delivered_at = now() where agent_id = $1', [seed.agentId]);
    crashPoint('seed.stored');
  }

  private async deliverRepository(channel: Channel, repository: string, branch: string | null): Promise<void> {
    const { repositories } = this.sources;
    const packed = await repositories.pack(repository, branch);
    try {
      await channel.write('home', bundle, packed.read(), { mode: 0o600 });
      const argv = ['sh', '-c', checkOut, 'sh', bundle, repositories.originOf(repository), packed.branch];
      const { exitCode, stderr } = await channel.run({ argv, timeoutMs: checkOutMs });
      if (exitCode !== 0) throw new Error(`${repository} could not be checked out: ${lastLine(stderr)}`);
    } finally {
      await packed.discard();
      await channel.remove('home', bundle).catch(() => undefined);
    }
  }

  private async deliverTemplate(channel: Channel, name: string): Promise<void> {
    for await (const { path, mode, data } of this.sources.folders.files(name)) {
      if (!(await exists(channel, path))) await channel.write('home', path, data, { mode });
    }
  }
}

async function exists(channel: Channel, path: string): Promise<boolean> {
  try {
    await channel.stat('home', path);
    return true;
  } catch (error) {
    if (error instanceof ChannelError && error.fault === 'not_found') return false;
    throw error;
  }
}

const lastLine = (output: Buffer): string => output.toString('utf8').trim().split('\n').pop()?.slice(0, 200) ?? '';
