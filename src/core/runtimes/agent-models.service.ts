import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Invalid } from '../errors/domain-error.js';
import { Instance } from '../instances/instance.entity.js';
import type { StartingInstance, StartStep } from '../instances/instance-hooks.js';
import type { InstancePatch } from '../instances/instances.service.js';
import { Runtimes } from './runtime.port.js';

export interface ModelChoice {
  /** null: the provider's default. */
  readonly model: string | null;
  /** Names to choose from; others may be given as well. */
  readonly known: readonly string[];
  readonly runtimeTitle: string;
}

/** Names of models as providers write them: `claude-sonnet-4-5`, `openai/gpt-5:free`, `sonnet[1m]`. */
const modelName = /^[A-Za-z0-9][A-Za-z0-9._:/@+[\]-]{0,199}$/;

/** Throws `Invalid` for what cannot be a model's name. */
export function checkModel(name: string): string {
  if (modelName.test(name)) return name;
  throw new Invalid('model must be the name of a model, such as "claude-sonnet-4-5"', [], 'invalid_model');
}

/** Which model an agent uses. */
@Injectable()
export class AgentModels implements StartStep {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly clock: Clock,
    private readonly audit: Audit,
    private readonly runtimes: Runtimes,
  ) {}

  /** A model that was chosen while the agent ran is used from this start on. */
  async prepare({ agentId }: StartingInstance): Promise<InstancePatch> {
    await this.db.query(
      `update agents set model = next_model->>'model', provider = next_model->>'provider', next_model = null
       where id = $1 and next_model is not null`,
      [agentId],
    );
    return {};
  }

  of({ model, runtime }: Agent): ModelChoice {
    const found = this.runtimes.find(runtime);
    const known = [...new Set([...(model === null ? [] : [model]), ...(found?.knownModels ?? [])])];
    return { model, known, runtimeTitle: found?.title ?? runtime };
  }

  /** From the next message on: the runtime is restarted with it, and goes on in the same conversations. */
  async set(who: Principal, slug: string, name: string): Promise<ModelChoice> {
    const { id } = await this.access.agent(who, { slug }, 'operate');
    const model = checkModel(name);
    const agent = await this.db.run(async (tx) => {
      const row = await tx.lock(Agent, { id });
      if (!row) throw agentDeleted();
      const instance = await tx.of(Instance).findOneBy({ agentId: id });
      if (instance?.state !== 'running') throw new Invalid('Agent is not running', [], 'agent_not_running');
      if (row.model === model && row.nextModel === null) return row;
      // Who names a model alone says nothing of its provider any more.
      Object.assign(row, { model, provider: null, nextModel: null, updatedAt: this.clock.now() });
      await tx.of(Agent).save(row);
      await this.audit.record(tx, { who, action: 'agent.model_changed', object: `agent:${id}`, data: { model } });
      await tx.emit({ type: 'agent.configured', orgId: row.orgId, agentId: id, data: { model } });
      return row;
    });
    return this.of(agent);
  }
}
