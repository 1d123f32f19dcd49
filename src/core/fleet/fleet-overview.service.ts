import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import { isAdmin, type Principal } from '../access/principal.js';
import type { InstanceState } from '../instances/instance.lifecycle.js';
import { LiveStats, type Usage } from '../instances/live-stats.service.js';

/** One agent as an overview of the fleet shows it. */
export interface FleetMember {
  readonly slug: string;
  readonly displayName: string;
  readonly runtime: string;
  readonly tags: readonly string[];
  readonly isSystem: boolean;
  readonly autonomy: boolean;
  readonly readOnly: boolean;
  readonly createdAt: Date;
  /** Null when the owner's account is gone. */
  readonly ownerName: string | null;
  readonly isOwner: boolean;
  readonly isShared: boolean;
  /** Null when there is no container. */
  readonly state: InstanceState | null;
  /** Why it is not running, or what it waits for. */
  readonly reason: string | null;
  /** Null until it was measured, and when it does not run. */
  readonly usage: Usage | null;
  /** Of the conversation that was used last; null when it does not run or nobody has talked with it. */
  readonly context: { readonly used: number; readonly max: number } | null;
  /** A turn runs. */
  readonly working: boolean;
  /** What it did last; null when it does not run or has done nothing yet. */
  readonly lastActivity: { readonly state: string; readonly at: Date } | null;
}

interface Row extends Readonly<Record<string, unknown>> {
  readonly slug: string;
  readonly display_name: string;
  readonly runtime: string;
  readonly tags: string[];
  readonly is_system: boolean;
  readonly autonomy: boolean;
  readonly read_only: boolean;
  readonly created_at: Date;
  readonly owner_id: string;
  readonly owner: string | null;
  readonly instance_id: string | null;
  readonly state: InstanceState | null;
  readonly reason: string | null;
  readonly context_used: number | null;
  readonly context_max: number | null;
  readonly working: boolean | null;
  readonly activity_state: string | null;
  readonly activity_at: Date | null;
}

// What only a running agent has is looked up for running ones only: a big fleet at rest costs one plain join.
const columns = `a.slug, a.display_name, a.runtime, a.tags, a.is_system, a.autonomy, a.read_only, a.created_at, a.owner_id,
  u.username as owner, i.id as instance_id, i.state, i.reason,
  s.context_used, s.context_max, w.working, x.state as activity_state, x.started_at as activity_at`;
const tables = `agents a left join instances i on i.agent_id = a.id left join users u on u.id = a.owner_id
  left join lateral (select context_used, context_max from sessions
    where agent_id = a.id and i.state = 'running' and last_message_at is not null
    order by last_message_at desc limit 1) s on true
  left join lateral (select true as working from turns
    where instance_id = i.id and turns.state = 'running' and i.state = 'running' limit 1) w on true
  left join lateral (select activities.state, started_at from activities
    where agent_id = a.id and i.state = 'running' order by started_at desc limit 1) x on true`;

/** The whole fleet at a glance: one query, and measurements that were taken in the background. No engine is asked. */
@Injectable()
export class FleetOverview {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly stats: LiveStats,
  ) {}

  /** All agents the caller may see, newest first, then by name; `tags` keeps those that have any of them. */
  async list(who: Principal, tags: readonly string[] = []): Promise<FleetMember[]> {
    const visible = this.access.visibleAgentsWhere(who, 2);
    const rows = await this.db.query<Row>(
      `select ${columns} from ${tables} where ($1::jsonb is null or exists (
          select 1 from jsonb_array_elements_text(a.tags) t where t in (select jsonb_array_elements_text($1::jsonb))))
        and ${visible.sql} order by a.created_at desc, a.slug`,
      [tags.length > 0 ? JSON.stringify(tags) : null, ...visible.values],
    );
    const seen = new Set<string>();
    return rows.flatMap((row) => {
      if (seen.has(row.slug)) return [];
      seen.add(row.slug);
      return [this.memberOf(who, row)];
    });
  }

  private memberOf(who: Principal, row: Row): FleetMember {
    const isOwner = row.owner_id === who.userId;
    const { context_used: used, context_max: max, activity_state: state, activity_at: at } = row;
    return {
      slug: row.slug,
      displayName: row.display_name,
      runtime: row.runtime,
      tags: row.tags,
      isSystem: row.is_system,
      autonomy: row.autonomy,
      readOnly: row.read_only,
      createdAt: row.created_at,
      ownerName: row.owner,
      isOwner,
      isShared: !isOwner && !isAdmin(who),
      state: row.state,
      reason: row.reason,
      usage: row.state === 'running' && row.instance_id !== null ? this.stats.of(row.instance_id) : null,
      context: used === null || max === null ? null : { used, max },
      working: row.working ?? false,
      lastActivity: state === null || at === null ? null : { state, at },
    };
  }
}

/** Percentage of the context window that is used, one decimal; 0 while the size of the window is unknown. */
export const contextPercent = ({ used, max }: { readonly used: number; readonly max: number }): number =>
  max > 0 ? Math.round((used / max) * 1000) / 10 : 0;
