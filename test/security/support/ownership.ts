import type { UnitOfWork } from '../../../src/platform/database/unit-of-work.js';
import type { Thing } from './things.js';

/** Whose everything is: agents, users, keys, sessions, schedules, memberships. Nothing in a request may say so. */
export async function ownership(db: UnitOfWork, thing: Thing): Promise<Map<string, string>> {
  const rows = await db.query<{ what: string; who: string }>(
    `select 'agent ' || id as what, concat_ws(' ', org_id, owner_id, is_system) as who from agents
     union all select 'user ' || id, concat_ws(' ', username, personal_org_id, case username when 'admin' then role end) from users
     union all select 'key ' || id, concat_ws(' ', user_id, org_id, agent_id, scopes) from api_keys where label = 'fuzz'
     union all select 'session ' || id, concat_ws(' ', agent_id, user_id) from sessions where id = '${thing.sessionId}'
     union all select 'schedule ' || id, concat_ws(' ', agent_id, created_by) from schedules where id = '${thing.scheduleId}'
     union all select 'group ' || id, org_id from agent_groups where id = '${thing.groupId}'
     union all select 'member ' || org_id, string_agg(concat_ws(' ', user_id, role), ',' order by user_id) from memberships group by org_id`,
  );
  return new Map(rows.map(({ what, who }) => [what, who]));
}
