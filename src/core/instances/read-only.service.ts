import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { systemAgentName } from '../agents/agent.rules.js';
import { defaultPatterns, type WritePatterns } from '../agents/write.rules.js';
import { WriteRules } from '../agents/write-rules.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Forbidden } from '../errors/domain-error.js';
import { ContainerEngine, plainHome } from './engine.port.js';
import { HomeLayouts } from './home-layouts.service.js';
import { Instance } from './instance.entity.js';
import { sameLayout } from './instance-spec.js';

export interface ReadOnlyStatus {
  readonly agent: Agent;
  readonly instance: Instance | null;
  readonly enabled: boolean;
  readonly patterns: WritePatterns;
  /** The running container is as this says, right now. */
  readonly holds: boolean;
  /** Whether the engine can close a home at all. */
  readonly enforced: boolean;
}

/**
 * Read-only mode: the home of the agent's container is closed for writing but for the folders that are allowed as a whole and the
 * runtime's own stores, and edits the runtime asks for are refused by finer patterns.
 */
@Injectable()
export class ReadOnlyMode {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly audit: Audit,
    private readonly engine: ContainerEngine,
    private readonly layouts: HomeLayouts,
  ) {}

  async get(who: Principal, slug: string): Promise<ReadOnlyStatus> {
    return this.status(await this.access.agent(who, { slug }, 'view'));
  }

  /** Throws as `configure` does, without changing anything. */
  async requireOwner(who: Principal, slug: string): Promise<Agent> {
    const refused = new Forbidden('System agents are never read-only', 'system_agent');
    if (slug === systemAgentName) throw refused;
    const agent = await this.access.agent(who, { slug }, 'own');
    if (agent.isSystem) throw refused;
    return agent;
  }

  /** Patterns that are given replace what is stored as a whole. A container is closed or opened by its next start. */
  async configure(
    who: Principal,
    slug: string,
    wish: { readonly enabled: boolean; readonly patterns?: WritePatterns },
  ): Promise<ReadOnlyStatus> {
    await this.requireOwner(who, slug);
    const agent = await this.db.run(async (tx) => {
      const stored = await this.access.agent(who, { slug }, 'own', tx);
      const rules = await tx.of(WriteRules).findOneBy({ agentId: stored.id });
      const { blocked, allowed } = wish.patterns ?? rules ?? defaultPatterns;
      if (wish.patterns || wish.enabled) {
        const values = [stored.id, JSON.stringify(blocked), JSON.stringify(allowed)];
        await tx.query(
          `insert into write_rules (agent_id, blocked, allowed) values ($1, $2::jsonb, $3::jsonb)
           on conflict (agent_id) do update set blocked = excluded.blocked, allowed = excluded.allowed`,
          values,
        );
      }
      stored.readOnly = wish.enabled;
      await tx.query('update agents set read_only = $2 where id = $1', [stored.id, wish.enabled]);
      const data = { enabled: wish.enabled, blocked, allowed };
      await this.audit.record(tx, { who, action: 'agent.read_only_changed', object: `agent:${stored.id}`, data });
      const changed = { readOnly: wish.enabled };
      await tx.emit({ type: 'agent.configured', orgId: stored.orgId, agentId: stored.id, data: changed });
      return stored;
    });
    return this.status(agent);
  }

  /** As it is stored, for whoever needs no right to it; null when the agent is gone. */
  async patternsFor(agentId: string): Promise<WritePatterns> {
    return (await this.db.of(WriteRules).findOneBy({ agentId })) ?? defaultPatterns;
  }

  private async status(agent: Agent): Promise<ReadOnlyStatus> {
    const instance = await this.db.of(Instance).findOneBy({ agentId: agent.id });
    const { blocked, allowed } = await this.patternsFor(agent.id);
    const enforced = this.engine.abilities.closedHome;
    const wanted = instance && (await this.layouts.wanted(agent, instance.id)).writable;
    const writable = (instance?.ref ? instance.made?.layout : null)?.writable ?? null;
    const same = sameLayout({ ...plainHome, writable }, { ...plainHome, writable: wanted });
    const holds = enforced && instance?.state === 'running' && same;
    return { agent, instance, enabled: agent.readOnly, patterns: { blocked, allowed }, holds, enforced };
  }
}
