import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { includes } from '../access/access.rules.js';
import { Access } from '../access/access.service.js';
import type { Principal, Right } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { Instance } from '../instances/instance.entity.js';

/** An agent as somebody sees it in a list. */
export interface ListedAgent {
  readonly agent: Agent;
  readonly instance: Instance | null;
  /** Null when the owner's account is gone. */
  readonly ownerName: string | null;
  readonly right: Right;
  readonly isOwner: boolean;
  /** Reached by a share, by somebody who neither owns it nor administers. */
  readonly isShared: boolean;
}

/** Which agents there are, for whom. From stored state only: no engine is asked. */
@Injectable()
export class AgentDirectory {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
  ) {}

  /** All agents the caller may see, newest first, then by name; `tags` keeps those that have any of them. */
  async list(who: Principal, tags: readonly string[] = []): Promise<ListedAgent[]> {
    const visible = this.access.visibleAgentsWhere(who, 2);
    const rows = await this.db.query<{ id: string; owner: string | null }>(
      `select a.id, u.username as owner from agents a left join users u on u.id = a.owner_id
       where ($1::jsonb is null or exists (
           select 1 from jsonb_array_elements_text(a.tags) t where t in (select jsonb_array_elements_text($1::jsonb))))
         and ${visible.sql} order by a.created_at desc, a.slug`,
      [tags.length > 0 ? JSON.stringify(tags) : null, ...visible.values],
    );
    const ids = rows.map((row) => row.id);
    if (ids.length === 0) return [];
    const agents = new Map((await this.db.of(Agent).findBy({ id: In(ids) })).map((agent) => [agent.id, agent]));
    const found = await this.db.of(Instance).findBy({ agentId: In(ids) });
    const instances = new Map(found.map((instance) => [instance.agentId, instance]));
    return rows.flatMap(({ id, owner }) => {
      const agent = agents.get(id);
      return agent ? [listed(who, agent, instances.get(id) ?? null, owner, sharedRight(who, agent))] : [];
    });
  }

  /** Is anything stored at all, for anybody? */
  hasAny(): Promise<boolean> {
    return this.db.of(Agent).exists();
  }

  /** An agent with its instance, for events that everybody who may hear them gets; null when it is gone. */
  async find(agentId: string): Promise<Pick<ListedAgent, 'agent' | 'instance'> | null> {
    const agent = await this.db.of(Agent).findOneBy({ id: agentId });
    return agent && { agent, instance: await this.db.of(Instance).findOneBy({ agentId }) };
  }

  async get(who: Principal, slug: string, right: Right = 'view'): Promise<ListedAgent> {
    const agent = await this.access.agent(who, { slug }, right);
    const instance = await this.db.of(Instance).findOneBy({ agentId: agent.id });
    const [owner] = await this.db.query<{ username: string }>('select username from users where id = $1', [
      agent.ownerId,
    ]);
    const held = (await this.access.rightOn(who, agent)) ?? 'view';
    return listed(who, agent, instance, owner?.username ?? null, held);
  }
}

/** Whoever sees an agent in a list and neither owns it nor administers was given a share, which lets operate. */
const sharedRight = (who: Principal, agent: Agent): Right =>
  agent.ownerId === who.userId || who.role === 'admin' ? 'own' : 'operate';

function listed(
  who: Principal,
  agent: Agent,
  instance: Instance | null,
  ownerName: string | null,
  right: Right,
): ListedAgent {
  const isOwner = agent.ownerId === who.userId;
  return { agent, instance, ownerName, right, isOwner, isShared: !isOwner && !includes(right, 'own') };
}
