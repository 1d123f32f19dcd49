import { Injectable } from '@nestjs/common';
import type { RowReader } from '../../platform/database/row-reader.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access, type SqlCondition } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { NotFound } from '../errors/domain-error.js';
import { Instance } from '../instances/instance.entity.js';
import { phaseSql } from '../instances/instance.phase.js';
import { hasWork } from '../sessions/workload.service.js';
import type { InstanceState } from '../instances/instance.lifecycle.js';

/** An agent with what it is doing. */
export interface PagedAgent {
  readonly agent: Agent;
  readonly instance: Instance | null;
  /** It runs, and something is worked on, waits for its turn, or waits for a person. */
  readonly busy: boolean;
  /** Name of its group; null when it has none. */
  readonly groupName: string | null;
}

export interface AgentFilter {
  /** Phases; null: any. */
  readonly states: readonly InstanceState[] | null;
  /** Null: any, and none. */
  readonly groupId: string | null;
  readonly limit: number;
  readonly offset: number;
}

interface Row extends Readonly<Record<string, unknown>> {
  readonly busy: boolean;
  readonly groupName: string | null;
}

/** Agents a caller may see, page by page, from stored state only. */
@Injectable()
export class AgentPages {
  private readonly agents: RowReader<Agent>;
  private readonly instances: RowReader<Instance>;
  private readonly tables =
    'from agents a left join instances i on i.agent_id = a.id left join agent_groups g on g.id = a.group_id';

  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
  ) {
    this.agents = db.reader(Agent, 'a');
    this.instances = db.reader(Instance, 'i');
  }

  /** Newest first. `total` counts all pages. */
  async list(who: Principal, filter: AgentFilter): Promise<{ agents: PagedAgent[]; total: number }> {
    const { sql, values } = this.where(who, filter);
    const [count] = await this.db.query<{ total: number }>(
      `select count(*)::int as total ${this.tables} where ${sql}`,
      values,
    );
    const at = values.length;
    const rows = await this.db.query<Row>(
      `${this.select} where ${sql} order by a.created_at desc, a.id limit $${at + 1} offset $${at + 2}`,
      [...values, filter.limit, filter.offset],
    );
    return { agents: rows.flatMap((row) => this.read(row)), total: count?.total ?? 0 };
  }

  /** One of them. */
  async get(who: Principal, id: string): Promise<PagedAgent> {
    const { sql, values } = this.access.visibleAgentsWhere(who, 2);
    const rows = await this.db.query<Row>(`${this.select} where a.id = $1 and ${sql} limit 1`, [id, ...values]);
    const [found] = rows.flatMap((row) => this.read(row));
    if (!found) throw new NotFound('agent', id);
    return found;
  }

  private get select(): string {
    return `select ${this.agents.columns}, ${this.instances.columns}, ${hasWork('i')} as busy,
      g.name as "groupName" ${this.tables}`;
  }

  private where(who: Principal, { states, groupId }: AgentFilter): SqlCondition {
    const visible = this.access.visibleAgentsWhere(who, 3);
    return {
      sql: `($1::jsonb is null or ${phaseSql('i')} in (select jsonb_array_elements_text($1::jsonb)))
        and ($2::text is null or a.group_id = $2) and ${visible.sql}`,
      values: [states === null ? null : JSON.stringify(states), groupId, ...visible.values],
    };
  }

  private read(row: Row): PagedAgent[] {
    const agent = this.agents.read(row);
    return agent ? [{ agent, instance: this.instances.read(row), busy: row.busy, groupName: row.groupName }] : [];
  }
}
