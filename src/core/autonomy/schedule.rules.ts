import { boundTo, type Principal, type Right } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Invalid } from '../errors/domain-error.js';
import type { Turn } from '../sessions/turn.entity.js';
import { checkPrompt } from '../sessions/turn-intake.service.js';
import type { ScheduleExecution } from './schedule-execution.entity.js';
import type { Schedule } from './schedule.entity.js';

/** A run that was missed is made up for as long as this; later it is too late. Also how long one waits for its agent. */
export const graceMinutes = 10;

/** Seconds a turn may be allowed. */
export const timeoutBounds = { least: 60, most: 7200 };

export type RunStatus = 'pending' | 'running' | 'success' | 'failed' | 'skipped';

/** What a person may say about a schedule. */
export interface ScheduleFields {
  readonly name: string;
  readonly cron: string;
  readonly message: string;
  readonly enabled: boolean;
  readonly timezone: string;
  readonly description: string | null;
  readonly timeoutSeconds: number | null;
}

/** Throws `Invalid` for what cannot be stored or sent. Cron and time zone are checked by `timetableOf`. */
export function checkFields({ name, message, description, timeoutSeconds }: ScheduleFields, agent: Agent): void {
  if (name.trim() === '' || name.length > 200) throw new Invalid('name must have 1 to 200 characters', [], 'bad_name');
  if ((description ?? '').length > 5000) {
    throw new Invalid('description must have at most 5000 characters', [], 'bad_description');
  }
  if (/\0/.test(`${name}${description ?? ''}`)) throw new Invalid('Text must not contain NUL characters', [], 'nul');
  checkPrompt(message);
  if (timeoutSeconds === null) return;
  const { least } = timeoutBounds;
  if (timeoutSeconds < least || timeoutSeconds > agent.timeoutSeconds) {
    const most = agent.timeoutSeconds;
    throw new Invalid(
      `timeout_seconds must be from ${least} to what the agent allows, which is ${most}`,
      [],
      'invalid_timeout',
    );
  }
}

/** Whole seconds within the bounds, or `Invalid`. */
export function checkTimeout(seconds: unknown): number {
  const { least, most } = timeoutBounds;
  if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds >= least && seconds <= most) return seconds;
  const why = `execution_timeout_seconds must be a whole number from ${least} to ${most}`;
  throw new Invalid(why, [], 'invalid_timeout');
}

/** May this caller change or delete a schedule? What an agent was talked into must not bend what people set up. */
export function mayChange(who: Principal, schedule: Pick<Schedule, 'createdBy'>, right: Right): boolean {
  if (boundTo(who) !== null) return false;
  return right === 'own' || schedule.createdBy === who.userId;
}

/** Why a schedule will not fire as things stand; null: it will. */
export function idleBecause(
  schedule: Pick<Schedule, 'enabled' | 'nextRunAt'>,
  agent: Pick<Agent, 'autonomy'>,
): string | null {
  if (!schedule.enabled) return 'The schedule is disabled';
  if (!agent.autonomy) return 'Autonomy is off for this agent';
  return schedule.nextRunAt === null ? 'No day fits it any more' : null;
}

/** Which of the planned times that came due is run: the newest, unless it is too long ago. */
export function dueOf(
  planned: { readonly count: number; readonly newest: Date },
  now: Date,
): { readonly run: Date | null; readonly missed: number } {
  const late = now.getTime() - planned.newest.getTime() > graceMinutes * 60_000;
  return late ? { run: null, missed: planned.count } : { run: planned.newest, missed: planned.count - 1 };
}

/** How a run stands. Once it became a turn, the turn says it. */
export function statusOf(execution: Pick<ScheduleExecution, 'state'>, turn: Pick<Turn, 'state'> | null): RunStatus {
  if (execution.state !== 'sent') return execution.state;
  if (turn?.state === 'queued') return 'pending';
  if (turn?.state === 'running') return 'running';
  return turn?.state === 'finished' ? 'success' : 'failed';
}
