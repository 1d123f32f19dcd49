import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';

/** What of an agent may be changed at any time, whatever it is doing. What is left out stays. */
export interface ProfileChange {
  readonly displayName?: string;
  readonly model?: string | null;
  readonly provider?: string | null;
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
      Object.assign(agent, change, { updatedAt: this.clock.now() });
      await tx.of(Agent).save(agent);
      const data = { ...change };
      await this.audit.record(tx, { who, action: 'agent.profile_changed', object: `agent:${id}`, data });
      await tx.emit({ type: 'agent.configured', orgId: agent.orgId, agentId: id, data });
      return agent;
    });
  }
}
