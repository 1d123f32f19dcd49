import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';

export interface SeenKeySetting {
  readonly platformKey: boolean;
  /** A runtime process runs that was started under the other setting. */
  readonly outdated: boolean;
}

/** Whether an agent's runtime gets the installation's provider key, or signs in with what its own home holds. */
@Injectable()
export class ProviderKeySetting {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  async get(who: Principal, slug: string): Promise<SeenKeySetting> {
    const { id, platformKey } = await this.access.agent(who, { slug }, 'view');
    const outdated = await this.db.query(
      `select 1 from generations g join instances i on i.id = g.instance_id
       where i.agent_id = $1 and g.state <> 'ended' and g.platform_key <> $2 limit 1`,
      [id, platformKey],
    );
    return { platformKey, outdated: outdated.length > 0 };
  }

  async requireOwner(who: Principal, slug: string): Promise<void> {
    await this.access.agent(who, { slug }, 'own');
  }

  /** Holds from the next start of the runtime on; a turn that comes earlier starts it anew. */
  async set(who: Principal, slug: string, platformKey: boolean): Promise<void> {
    await this.db.run(async (tx) => {
      const agent = await this.access.agent(who, { slug }, 'own', tx);
      if (agent.platformKey === platformKey) return;
      await tx.of(Agent).update({ id: agent.id }, { platformKey, updatedAt: this.clock.now() });
      const data = { platformKey };
      await this.audit.record(tx, { who, action: 'agent.provider_key_changed', object: `agent:${agent.id}`, data });
      await tx.emit({ type: 'agent.configured', orgId: agent.orgId, agentId: agent.id, data });
    });
  }
}
