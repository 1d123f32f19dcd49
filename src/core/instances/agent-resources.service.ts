import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { memoryBytes } from '../agents/agent.rules.js';
import { Audit } from '../audit/audit.service.js';
import { EngineError } from './engine.errors.js';
import { ContainerEngine, type Limits } from './engine.port.js';
import { Instance } from './instance.entity.js';
import { limitsOf, resourcesIn, sameLimits } from './instance-spec.js';

export interface ResourceLimits {
  /** Set for this agent; null: what it was made with. */
  readonly memory: string | null;
  readonly cpu: string | null;
  /** What its container has; what it would get where there is none. */
  readonly currentMemory: string;
  readonly currentCpu: string;
  /** The container has other limits: the next start makes it again. */
  readonly restartNeeded: boolean;
  /** Whether the engine holds an agent to them. */
  readonly enforced: boolean;
}

/** What an agent may use of its machine, changed while it runs where the engine can do that. */
@Injectable()
export class AgentResources {
  private readonly logger = new Logger(AgentResources.name);

  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly audit: Audit,
    private readonly engine: ContainerEngine,
  ) {}

  async get(who: Principal, slug: string): Promise<ResourceLimits> {
    const agent = await this.access.agent(who, { slug }, 'view');
    return this.view(agent, await this.db.of(Instance).findOneBy({ agentId: agent.id }));
  }

  /** Null gives back what the agent was made with; what is left out stays. Values are checked by the caller. */
  async set(
    who: Principal,
    slug: string,
    change: { readonly memory?: string | null; readonly cpu?: string | null },
  ): Promise<ResourceLimits> {
    await this.access.agent(who, { slug }, 'own');
    const agent = await this.db.run(async (tx) => {
      const stored = await this.access.agent(who, { slug }, 'own', tx);
      const { memory = stored.memoryLimit, cpu = stored.cpuLimit } = change;
      if (memory === stored.memoryLimit && cpu === stored.cpuLimit) return stored;
      Object.assign(stored, { memoryLimit: memory, cpuLimit: cpu });
      await tx.query('update agents set memory_limit = $2, cpu_limit = $3 where id = $1', [stored.id, memory, cpu]);
      const data = { memory, cpu };
      await this.audit.record(tx, { who, action: 'agent.limits_changed', object: `agent:${stored.id}`, data });
      await tx.emit({ type: 'agent.configured', orgId: stored.orgId, agentId: stored.id, data: { limits: data } });
      return stored;
    });
    return this.view(agent, await this.apply(agent));
  }

  /** At once where it runs. What the engine refuses (less memory than is in use) is left to the next start. */
  private async apply(agent: Agent): Promise<Instance | null> {
    const instance = await this.db.of(Instance).findOneBy({ agentId: agent.id });
    const limits = limitsOf(agent);
    if (!instance?.ref || instance.state !== 'running' || sameLimits(instance.made?.limits ?? null, limits))
      return instance;
    try {
      await this.engine.update(instance.ref, limits);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      this.logger.warn(`The limits of ${agent.slug} wait for its next start: ${error.message}`);
      return instance;
    }
    return this.db.run(async (tx) => {
      const now = await tx.lock(Instance, { id: instance.id });
      if (now?.ref !== instance.ref || !now?.made) return now;
      now.made = { ...now.made, limits };
      await tx.of(Instance).save(now);
      return now;
    });
  }

  private view(agent: Agent, instance: Instance | null): ResourceLimits {
    const wanted = limitsOf(agent);
    const has = (instance?.ref ? instance.made?.limits : null) ?? wanted;
    const { cpu, memory } = resourcesIn(agent);
    return {
      memory: agent.memoryLimit,
      cpu: agent.cpuLimit,
      currentMemory: has.memoryBytes === wanted.memoryBytes ? memory : memoryText(has),
      currentCpu: has.cpus === wanted.cpus ? cpu : String(has.cpus),
      restartNeeded: !sameLimits(has, wanted),
      enforced: this.engine.abilities.limits,
    };
  }
}

/** The shortest way to write a size: "512m", "4g". */
function memoryText({ memoryBytes: bytes }: Limits): string {
  for (const unit of ['g', 'm', 'k'] as const) {
    const size = memoryBytes(`1${unit}`) ?? 1;
    if (bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}b`;
}
