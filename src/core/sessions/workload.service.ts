import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { phaseSql } from '../instances/instance.phase.js';

/** What an agent asks people and nobody has answered yet. */
export interface OpenRequests {
  readonly approvals: number;
  readonly questions: number;
}

/**
 * That a turn is work: it runs or waits. One whose runtime was told to stop and does not is none after a moment: whoever
 * stopped it shall not wait for the runtime's end, which the caretaker sees to.
 * @param t alias of `turns` in the query
 */
export const atWork = (t: string): string =>
  `${t}.state in ('queued', 'running') and (${t}.cancel_sent_at is null or ${t}.cancel_sent_at > now() - interval '1.5 s')`;

/**
 * That an agent has work: something runs or waits in its instance, or its first message is still to be sent: also while it
 * is only on its way, so that whoever waits for the end of that work does not take it for done.
 * @param i alias of `instances` in the query
 */
export const hasWork = (i: string): string =>
  `((${i}.state = 'running' and exists (select 1 from turns t where t.instance_id = ${i}.id and ${atWork('t')}))
     or (${phaseSql(i)} in ('running', 'provisioning') and exists (select 1 from openings o where o.agent_id = ${i}.agent_id)))`;

/** What agents are busy with. */
@Injectable()
export class Workload {
  constructor(private readonly db: UnitOfWork) {}

  /** Sessions with something that runs, waits for its turn, or waits for a person. None while the agent does not run. */
  async sessionsAtWork(agentId: string): Promise<ReadonlySet<string>> {
    const rows = await this.db.query<{ id: string }>(
      `select distinct t.session_id as id from turns t join instances i on i.id = t.instance_id
       where i.agent_id = $1 and i.state = 'running' and ${atWork('t')}`,
      [agentId],
    );
    return new Set(rows.map(({ id }) => id));
  }

  async openRequests(agentId: string): Promise<OpenRequests> {
    const rows = await this.db.query<{ kind: 'approval' | 'question'; count: number }>(
      `select kind, count(*)::int as count from agent_requests where agent_id = $1 and state = 'open' group by kind`,
      [agentId],
    );
    const of = (kind: string): number => rows.find((row) => row.kind === kind)?.count ?? 0;
    return { approvals: of('approval'), questions: of('question') };
  }
}
