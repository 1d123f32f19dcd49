import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Activity } from './activity.entity.js';

export interface TimelineFilter {
  readonly agentId?: string;
  readonly types?: readonly Activity['type'][];
  readonly state?: string;
  readonly from?: Date;
  readonly to?: Date;
  /** At most 1000. */
  readonly limit: number;
}

export interface TimelineItem {
  readonly activity: Activity;
  readonly agentSlug: string;
}

/** What agents did and when, newest first, over the agents the caller may see. */
@Injectable()
export class Timeline {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
  ) {}

  async list(who: Principal, filter: TimelineFilter): Promise<TimelineItem[]> {
    const visible = this.access.visibleAgentsWhere(who, 7);
    const rows = await this.db.query<{ id: string; slug: string }>(
      `select x.id, a.slug from activities x join agents a on a.id = x.agent_id
       where ($1::text is null or x.agent_id = $1)
         and ($2::jsonb is null or x.type in (select jsonb_array_elements_text($2::jsonb)))
         and ($3::text is null or x.state = $3)
         and ($4::timestamptz is null or x.started_at >= $4) and ($5::timestamptz is null or x.started_at <= $5)
         and ${visible.sql} order by x.started_at desc, x.id desc limit $6`,
      [
        filter.agentId ?? null,
        filter.types ? JSON.stringify(filter.types) : null,
        filter.state ?? null,
        filter.from ?? null,
        filter.to ?? null,
        Math.max(1, Math.min(1000, filter.limit)),
        ...visible.values,
      ],
    );
    if (rows.length === 0) return [];
    const found = await this.db.of(Activity).findBy({ id: In(rows.map((row) => row.id)) });
    const byId = new Map(found.map((activity) => [activity.id, activity]));
    return rows.flatMap(({ id, slug }) => {
      const activity = byId.get(id);
      return activity ? [{ activity, agentSlug: slug }] : [];
    });
  }

  /** A tool call of an agent by our id or the runtime's; null when there is none. */
  async tool(agentId: string, id: string): Promise<Activity | null> {
    const activities = this.db.of(Activity);
    const exact = await activities.findOneBy({ id, agentId, type: 'tool_call' });
    if (exact) return exact;
    const [row] = await this.db.query<{ id: string }>(
      `select id from activities where agent_id = $1 and type = 'tool_call' and details->>'toolCallId' = $2
       order by started_at desc limit 1`,
      [agentId, id],
    );
    return row ? activities.findOneBy({ id: row.id }) : null;
  }
}
