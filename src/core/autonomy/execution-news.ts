import type { Tx } from '../../platform/database/unit-of-work.js';
import type { Agent } from '../agents/agent.entity.js';
import type { ScheduleExecution } from './schedule-execution.entity.js';

/** Whose run it is, as its turn carries it. */
export const originOf = ({ scheduleId, scheduleName, triggeredBy }: ScheduleExecution) => ({
  schedule: { id: scheduleId, name: scheduleName },
  manual: triggeredBy === 'manual',
});

/** Announces that a run is over without ever having become a turn; the end of a turn announces itself. */
export async function tellSettled(
  tx: Tx,
  { id: agentId, orgId }: Pick<Agent, 'id' | 'orgId'>,
  execution: ScheduleExecution,
): Promise<void> {
  const { id, state, error } = execution;
  const data = { turnId: id, state, error, origin: originOf(execution) };
  await tx.emit({ type: 'schedule.settled', orgId, agentId, data });
}
