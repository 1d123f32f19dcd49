import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Agent, type ModelWish } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Instance } from './instance.entity.js';

/** What of an agent may be changed at any time, whatever it is doing. What is left out stays. */
export interface ProfileChange {
  readonly displayName?: string;
  /** Of one that runs: from its next start on. */
  readonly model?: ModelWish;
}

/** Free name and model of an agent. */
@Injectable()
export class AgentProfile {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly clock: Clock,
    private readonly audit: Audit,
  ) {}

  async change(who: Principal, id: string, change: ProfileChange): Promise<Agent> {
    return this.db.run(async (tx) => {
      const agent = await this.access.agent(who, { id }, 'own', tx);
      const { displayName = agent.displayName, model } = change;
      const choice = model === undefined ? {} : await this.choice(tx, agent, model);
      Object.assign(agent, { displayName, ...choice, updatedAt: this.clock.now() });
      await tx.of(Agent).save(agent);
      const data = { ...(change.displayName === undefined ? {} : { displayName }), ...model };
      await this.audit.record(tx, { who, action: 'agent.profile_changed', object: `agent:${id}`, data });
      await tx.emit({ type: 'agent.configured', orgId: agent.orgId, agentId: id, data });
      return agent;
    });
  }

  /** What runs keeps the model it was started with. */
  private async choice(tx: Tx, agent: Agent, { model, provider }: ModelWish): Promise<Partial<Agent>> {
    const instance = await tx.of(Instance).findOneBy({ agentId: agent.id });
    const same = model === agent.model && provider === agent.provider;
    if (instance?.state === 'running') return { nextModel: same ? null : { model, provider } };
    return { model, provider, nextModel: null };
  }
}
