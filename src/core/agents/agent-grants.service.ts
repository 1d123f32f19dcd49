import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Hidden, Invalid, NotFound } from '../errors/domain-error.js';
import { Agent } from './agent.entity.js';
import { isSlug, mayCall } from './grant.rules.js';

/** Another agent, as seen from one that may or may not call it. */
export interface CallableAgent {
  readonly id: string;
  readonly slug: string;
  readonly type: string;
  /** State of its instance; null when it has none. */
  readonly state: string | null;
  readonly permitted: boolean;
}

/** Which agent may call which. Agents of one owner may call each other until their owner says otherwise. */
@Injectable()
export class AgentGrants {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  /** All other agents the caller may see, by name, each with whether this one may call it. */
  async list(who: Principal, slug: string): Promise<CallableAgent[]> {
    const agent = await this.access.agent(who, { slug }, 'view');
    const { sql, values } = this.access.visibleAgentsWhere(who, 2);
    return this.db.query<CallableAgent & Record<string, unknown>>(
      `select a.id, a.slug, a.type, i.state, ${mayCall} as permitted
       from agents a join agents s on s.id = $1 join agents t on t.id = a.id left join instances i on i.agent_id = a.id
       where a.id <> $1 and ${sql} order by a.slug`,
      [agent.id, ...values],
    );
  }

  /** From now on it may call exactly these. @returns how many. Throws `Invalid` for a name that is no agent the caller may see. */
  async replace(who: Principal, slug: string, names: readonly string[]): Promise<number> {
    await this.access.agent(who, { slug }, 'own');
    const wanted = new Set(names.filter((name) => name !== slug));
    const ids = await this.visible(who, [...wanted]);
    await this.db.run(async (tx) => {
      const { id } = await this.access.agent(who, { slug }, 'own', tx);
      await tx.query('delete from agent_grants where source_id = $1', [id]);
      // A row only where the answer differs from the rule that agents of one owner may call each other.
      await tx.query(
        `insert into agent_grants (source_id, target_id, allowed, updated_at)
         select s.id, t.id, t.owner_id <> s.owner_id, $3 from agents s join agents t on t.id <> s.id
         where s.id = $1 and (t.owner_id = s.owner_id) <> (t.id in (select jsonb_array_elements_text($2::jsonb)))`,
        [id, JSON.stringify(ids), this.clock.now()],
      );
      await this.record(tx, who, id, { permitted: [...wanted].sort().slice(0, 100) });
    });
    return ids.length;
  }

  /** @returns false when it was allowed already */
  async add(who: Principal, slug: string, target: string): Promise<boolean> {
    return this.decide(who, slug, target, true);
  }

  /** @returns false when it was not allowed; an agent that is unknown never is */
  async remove(who: Principal, slug: string, target: string): Promise<boolean> {
    return this.decide(who, slug, target, false);
  }

  /** The agent a caller may send work to: by a right of their own, or because the agent whose key they use may call it. */
  async callable(who: Principal, slug: string): Promise<Agent> {
    try {
      return await this.access.agent(who, { slug }, 'operate');
    } catch (error) {
      const caller = who.via.kind === 'key' ? who.via.agentId : null;
      if (!(error instanceof Hidden) || caller === null || !(await this.mayCall(caller, slug))) throw error;
      const agent = await this.db.of(Agent).findOneBy({ slug });
      if (!agent) throw new NotFound('agent', slug);
      return agent;
    }
  }

  private async mayCall(callerId: string, slug: string): Promise<boolean> {
    const rows = await this.db.query(
      `select 1 from agents s join agents t on t.slug = $2 where s.id = $1 and ${mayCall}`,
      [callerId, slug],
    );
    return rows.length > 0;
  }

  private async decide(who: Principal, slug: string, target: string, allowed: boolean): Promise<boolean> {
    await this.access.agent(who, { slug }, 'own');
    if (slug === target && allowed) throw new Invalid('An agent needs no permission for itself', [], 'same_agent');
    if (slug === target) return false;
    const [targetId] = allowed || isSlug(target) ? await this.visible(who, [target]).catch(unlessAllowed(allowed)) : [];
    if (targetId === undefined) return false;
    return this.db.run(async (tx) => {
      const { id } = await this.access.agent(who, { slug }, 'own', tx);
      const [now] = await tx.query<{ permitted: boolean }>(
        `select ${mayCall} as permitted from agents s join agents t on t.id = $2 where s.id = $1`,
        [id, targetId],
      );
      if (!now || now.permitted === allowed) return false;
      await tx.query(
        `insert into agent_grants (source_id, target_id, allowed, updated_at) values ($1, $2, $3, $4)
         on conflict (source_id, target_id) do update set allowed = excluded.allowed, updated_at = excluded.updated_at`,
        [id, targetId, allowed, this.clock.now()],
      );
      await this.record(tx, who, id, { target, allowed });
      return true;
    });
  }

  /** Ids of agents by name, all of which the caller must be able to see. */
  private async visible(who: Principal, names: readonly string[]): Promise<string[]> {
    const known = names.filter(isSlug);
    const { sql, values } = this.access.visibleAgentsWhere(who, 2);
    const rows = await this.db.query<{ id: string; slug: string }>(
      `select a.id, a.slug from agents a where a.slug in (select jsonb_array_elements_text($1::jsonb)) and ${sql}`,
      [JSON.stringify(known), ...values],
    );
    if (rows.length === names.length) return rows.map((row) => row.id);
    const found = new Set(rows.map((row) => row.slug));
    const missing = known.find((name) => !found.has(name));
    throw new Invalid(missing === undefined ? 'Unknown agent' : `Unknown agent: ${missing}`, [], 'unknown_agent');
  }

  private record(tx: Tx, who: Principal, agentId: string, data: Readonly<Record<string, unknown>>): Promise<void> {
    return this.audit.record(tx, { who, action: 'agent.grants_changed', object: `agent:${agentId}`, data });
  }
}

/** Taking away what an unknown agent never had is no mistake. */
const unlessAllowed =
  (allowed: boolean) =>
  (error: unknown): string[] => {
    if (!allowed && error instanceof Invalid) return [];
    throw error;
  };
