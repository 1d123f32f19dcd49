import { Injectable } from '@nestjs/common';
import type { FindOptionsWhere } from 'typeorm';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { AgentShare } from '../agents/agent-share.entity.js';
import { Agent } from '../agents/agent.entity.js';
import { Forbidden, Hidden, NotFound } from '../errors/domain-error.js';
import { includes, rightOn } from './access.rules.js';
import { boundTo, isAdmin, type Principal, type Right } from './principal.js';

export type AgentRef = { readonly slug: string } | { readonly id: string };

/** A condition on `agents a` with its parameters. */
export interface SqlCondition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** Loads a thing and checks the caller's right to it in one step, so that nobody can do one without the other. */
@Injectable()
export class Access {
  constructor(private readonly db: UnitOfWork) {}

  /**
   * The agent, if the caller has `right` on it.
   * Inside a unit of work pass `tx`; asked for `own` the row is then locked, because the caller is about to change it.
   * @throws NotFound no such agent; Hidden no right at all; Forbidden some right, but less than asked
   */
  async agent(who: Principal, ref: AgentRef, right: Right, tx?: Tx): Promise<Agent> {
    const agent = await this.find(ref, right, tx);
    const name = 'slug' in ref ? ref.slug : ref.id;
    if (!agent) throw new NotFound('agent', name);

    requireRight(await this.rightOn(who, agent, tx), right, name);
    return agent;
  }

  /** What the caller may do to an agent that is already loaded; null: nothing. */
  async rightOn(who: Principal, agent: Agent, tx?: Tx): Promise<Right | null> {
    return rightOn(who, agent, false) ?? rightOn(who, agent, await this.isShared(who, agent.id, tx));
  }

  /**
   * For lists: which rows of `agents a` the caller may see.
   * @param startIndex number of the first free query parameter: 1 for `$1`
   */
  visibleAgentsWhere(who: Principal, startIndex: number): SqlCondition {
    const first = `$${startIndex}`;
    if (who.within !== undefined) {
      const { within, ...unbound } = who;
      const { sql, values } = this.visibleAgentsWhere(unbound, startIndex + 1);
      return { sql: `(a.org_id = ${first} and ${sql})`, values: [within, ...values] };
    }
    const bound = boundTo(who);
    if (bound !== null) return { sql: `a.id = ${first}`, values: [bound] };
    if (isAdmin(who)) return { sql: 'true', values: [] };
    if (who.email === null) return { sql: `a.owner_id = ${first}`, values: [who.userId] };
    return {
      sql: `(a.owner_id = ${first} or exists (
        select 1 from agent_shares s where s.agent_id = a.id and s.email = $${startIndex + 1}))`,
      values: [who.userId, who.email],
    };
  }

  /** Ids of all agents the caller may see: for event streams, which decide again and again. */
  async visibleAgentIds(who: Principal): Promise<ReadonlySet<string>> {
    const { sql, values } = this.visibleAgentsWhere(who, 1);
    const rows = await this.db.query<{ id: string }>(`select a.id from agents a where ${sql}`, values);
    return new Set(rows.map((row) => row.id));
  }

  /** Slugs by agent id, for showing to somebody who holds the ids already. */
  async slugs(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (ids.length === 0) return new Map();
    const rows = await this.db.query<{ id: string; slug: string }>(
      'select id, slug from agents where id in (select jsonb_array_elements_text($1::jsonb))',
      [JSON.stringify(ids)],
    );
    return new Map(rows.map((row) => [row.id, row.slug]));
  }

  /**
   * As `agent`, for a query that found an agent together with `shared`, made with the condition of `sharedWhere`.
   * @returns what the caller may do
   */
  check(who: Principal, agent: Agent, shared: boolean, right: Right): Right {
    return requireRight(rightOn(who, agent, shared), right, agent.slug);
  }

  /** For queries on `agents a`: whether the agent is shared with the caller. Takes one parameter. */
  sharedWhere(who: Principal, index: number): { readonly sql: string; readonly value: string | null } {
    const sql = `exists (select 1 from agent_shares s where s.agent_id = a.id and s.email = $${index})`;
    return { sql, value: who.email?.toLowerCase() ?? null };
  }

  private find(ref: AgentRef, right: Right, tx?: Tx): Promise<Agent | null> {
    const where: FindOptionsWhere<Agent> = 'slug' in ref ? { slug: ref.slug } : { id: ref.id };
    // PostgreSQL refuses NUL in text; no agent is called so.
    if (Object.values(ref).some((value) => value.includes('\0'))) return Promise.resolve(null);
    if (tx && right === 'own') return tx.lock(Agent, where);
    return (tx ?? this.db).one(Agent, where);
  }

  private async isShared(who: Principal, agentId: string, tx?: Tx): Promise<boolean> {
    if (who.email === null) return false;
    return (tx ?? this.db).of(AgentShare).existsBy({ agentId, email: who.email.toLowerCase() });
  }
}

function requireRight(held: Right | null, asked: Right, name: string): Right {
  if (!held) throw new Hidden('agent', name);
  if (!includes(held, asked)) throw new Forbidden('Owner access required', 'not_owner');
  return held;
}
