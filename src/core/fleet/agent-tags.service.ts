import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { tagOf, tagsOf } from '../agents/tag.rules.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';

export interface TaggedAgent {
  readonly slug: string;
  readonly tags: readonly string[];
}

export interface TagCount {
  readonly tag: string;
  readonly count: number;
}

/** Words by which agents are found together. */
@Injectable()
export class AgentTags {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  async of(who: Principal, slug: string): Promise<TaggedAgent> {
    return this.access.agent(who, { slug }, 'view');
  }

  /** Replaces them all. */
  async replace(who: Principal, slug: string, tags: readonly string[]): Promise<TaggedAgent> {
    return this.change(who, slug, () => tagsOf(tags));
  }

  /** Having it already is success. */
  async add(who: Principal, slug: string, tag: string): Promise<TaggedAgent> {
    return this.change(who, slug, (tags) => tagsOf([...tags, tag]));
  }

  /** Not having it is success. */
  async remove(who: Principal, slug: string, tag: string): Promise<TaggedAgent> {
    return this.change(who, slug, (tags) => {
      const gone = tagOf(tag);
      return tags.filter((one) => one !== gone);
    });
  }

  /** Tags of all agents the caller may see, most used first. */
  async counts(who: Principal): Promise<TagCount[]> {
    const visible = this.access.visibleAgentsWhere(who, 1);
    const rows = await this.db.query<{ tag: string; count: string }>(
      `select t.tag, count(*) as count from agents a, jsonb_array_elements_text(a.tags) as t (tag)
       where ${visible.sql} group by t.tag order by count(*) desc, t.tag`,
      visible.values,
    );
    return rows.map(({ tag, count }) => ({ tag, count: Number(count) }));
  }

  private change(
    who: Principal,
    slug: string,
    next: (tags: readonly string[]) => readonly string[],
  ): Promise<TaggedAgent> {
    return this.db.run(async (tx) => {
      const agent = await this.access.agent(who, { slug }, 'own', tx);
      const tags = [...next(agent.tags)];
      if (tags.join() === agent.tags.join()) return agent;
      await tx.of(Agent).update({ id: agent.id }, { tags, updatedAt: this.clock.now() });
      await this.audit.record(tx, { who, action: 'agent.tags_changed', object: `agent:${agent.id}`, data: { tags } });
      await tx.emit({ type: 'agent.tags_changed', orgId: agent.orgId, agentId: agent.id, data: {} });
      return { slug: agent.slug, tags };
    });
  }
}
