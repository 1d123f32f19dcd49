import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Conflict, NotFound } from '../errors/domain-error.js';
import { Instance } from '../instances/instance.entity.js';
import { Prompts } from '../sessions/prompts.service.js';
import { TurnIntake, type Prompt } from '../sessions/turn-intake.service.js';
import { Timetable } from './cron.rules.js';
import { originOf, tellSettled } from './execution-news.js';
import { ScheduleExecution } from './schedule-execution.entity.js';
import { Schedule } from './schedule.entity.js';
import { dueOf, graceMinutes } from './schedule.rules.js';
import { stillThere } from './schedules.service.js';

/** Days for which it is kept why a run was skipped. */
const skippedDays = 30;

const overlapping = 'The run before it still goes on';

/** How runs of schedules begin: what is due is written down once, and then becomes a turn. Every step may be repeated. */
@Injectable()
export class ScheduleRuns {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly audit: Audit,
    private readonly intake: TurnIntake,
    private readonly prompts: Prompts,
  ) {}

  /**
   * Runs a schedule at once, whether or not it is enabled and autonomy is on.
   * @returns id of the execution
   */
  async trigger(who: Principal, slug: string, id: string): Promise<string> {
    const agent = await this.access.agent(who, { slug }, 'operate');
    if (id.includes('\0')) throw new NotFound('schedule', id);
    const { accepted, log } = await this.db.run(async (tx) => {
      if (!(await stillThere(tx, agent.id))) throw agentDeleted();
      const schedule = await tx.lock(Schedule, { id, agentId: agent.id });
      if (!schedule) throw new NotFound('schedule', id);
      if (await goesOn(tx, id)) throw new Conflict('The last run of this schedule still goes on', 'still_running');
      const now = this.intake.clock.now();
      const about = { state: 'sent', triggeredBy: 'manual', userId: who.userId, createdAt: now } as const;
      const execution = executionOf(schedule, about);
      await tx.of(ScheduleExecution).insert(execution);
      await tx.of(Schedule).update({ id }, { lastRunAt: now });
      await this.audit.record(tx, {
        who,
        action: 'schedule.triggered',
        object: `schedule:${id}`,
        data: { agentId: agent.id, executionId: execution.id },
      });
      return this.intake.accept(tx, who.userId, agent, promptOf(execution));
    });
    this.prompts.stored(accepted.turn, log);
    return accepted.turn.id;
  }

  /** Writes down what came due of one schedule: at most one run, and one line about all that were missed. */
  async fire(id: string, agentId: string): Promise<void> {
    await this.db.run(async (tx) => {
      if (!(await stillThere(tx, agentId))) return;
      const now = this.intake.clock.now();
      const schedule = await tx.lock(Schedule, { id });
      if (!schedule?.enabled || !schedule.nextRunAt || schedule.nextRunAt > now) return;
      const timetable = new Timetable(schedule.cron, schedule.timezone);
      const planned = timetable.between(schedule.nextRunAt, now);
      const { run, missed } = dueOf(planned, now);
      if (missed > 0) await this.miss(tx, schedule, { missed, first: schedule.nextRunAt, now });
      const began = run !== null && (await this.begin(tx, schedule, run, now));
      const handled = planned.newest > now ? planned.newest : now;
      // A run that was skipped is none.
      const lastRunAt = began ? now : schedule.lastRunAt;
      await tx.of(Schedule).update({ id }, { lastRunAt, nextRunAt: timetable.after(handled) });
      await this.forget(tx, id, now);
    });
  }

  /** Makes a turn of a run that waits, if its agent runs; gives up when it will not or takes too long. */
  async send(executionId: string, agentId: string): Promise<void> {
    const sent = await this.db.run(async (tx) => {
      if (!(await stillThere(tx, agentId))) return null;
      const execution = await tx.lock(ScheduleExecution, { id: executionId });
      const agent = await tx.of(Agent).findOneBy({ id: agentId });
      const instance = await tx.lock(Instance, { agentId });
      if (execution?.state !== 'pending' || !agent || !instance) return null;
      if (instance.desired !== 'running') return this.fail(tx, agent, execution, stoppedWords(instance));
      if (instance.state === 'running') {
        await tx.of(ScheduleExecution).update({ id: execution.id }, { state: 'sent' });
        return this.intake.accept(tx, execution.userId, agent, promptOf(execution));
      }
      const waited = this.intake.clock.now().getTime() - execution.createdAt.getTime();
      if (waited < graceMinutes * 60_000) return null;
      return this.fail(tx, agent, execution, `The agent did not come up within ${graceMinutes} minutes`);
    });
    if (sent) this.prompts.stored(sent.accepted.turn, sent.log);
  }

  /** @returns false when it is skipped */
  private async begin(tx: Tx, schedule: Schedule, plannedAt: Date, now: Date): Promise<boolean> {
    const agent = await tx.of(Agent).findOneByOrFail({ id: schedule.agentId });
    const why = await this.refusal(tx, schedule, agent);
    const about = { plannedAt, triggeredBy: 'schedule', userId: schedule.createdBy, createdAt: now } as const;
    const state = why === null ? ({ state: 'pending' } as const) : skipped(why, now);
    await insertOnce(tx, executionOf(schedule, { ...about, ...state }), agent);
    return why === null;
  }

  private async miss(
    tx: Tx,
    schedule: Schedule,
    { missed, first, now }: { missed: number; first: Date; now: Date },
  ): Promise<void> {
    const runs = missed === 1 ? 'a run' : `${missed} runs`;
    const why = `Missed ${runs} planned from ${first.toISOString()} on: no server was at work`;
    const about = { plannedAt: first, triggeredBy: 'schedule', userId: schedule.createdBy, createdAt: now } as const;
    const agent = await tx.of(Agent).findOneByOrFail({ id: schedule.agentId });
    await insertOnce(tx, executionOf(schedule, { ...about, ...skipped(why, now) }), agent);
  }

  /** Why a run that is due shall not begin; null: it shall. */
  private async refusal(tx: Tx, { id, createdBy }: Schedule, agent: Agent): Promise<string | null> {
    if (!agent.autonomy) return 'Autonomy is off for this agent';
    const [allowed] = await tx.query(
      `select 1 from users u where u.id = $1 and u.suspended_at is null and (u.role = 'admin' or u.id = $2
         or (u.email_proven_at is not null and exists (select 1 from agent_shares s where s.agent_id = $3 and s.email = lower(u.email))))`,
      [createdBy, agent.ownerId, agent.id],
    );
    if (!allowed) return 'Who made this schedule has no access to the agent any more';
    return (await goesOn(tx, id)) ? overlapping : null;
  }

  private async fail(tx: Tx, agent: Agent, execution: ScheduleExecution, error: string): Promise<null> {
    const end = { state: 'failed', error, endedAt: this.intake.clock.now() } as const;
    await tx.of(ScheduleExecution).update({ id: execution.id }, end);
    await tellSettled(tx, agent, Object.assign(execution, end));
    return null;
  }

  private async forget(tx: Tx, scheduleId: string, now: Date): Promise<void> {
    const before = new Date(now.getTime() - skippedDays * 86_400_000);
    await tx.query(`delete from schedule_executions where schedule_id = $1 and state = 'skipped' and created_at < $2`, [
      scheduleId,
      before,
    ]);
  }
}

function executionOf(schedule: Schedule, about: Partial<ScheduleExecution>): ScheduleExecution {
  const { id: scheduleId, name: scheduleName, agentId, message, timeoutSeconds } = schedule;
  const execution = new ScheduleExecution();
  const none = { plannedAt: null, error: null, endedAt: null };
  return Object.assign(
    execution,
    { id: randomUUID(), scheduleId, scheduleName, agentId, message, timeoutSeconds },
    none,
    about,
  );
}

const skipped = (error: string, now: Date) => ({ state: 'skipped', error, endedAt: now }) as const;

const promptOf = (execution: ScheduleExecution): Prompt => ({
  id: execution.id,
  text: execution.message,
  lane: 'task',
  timeoutSeconds: execution.timeoutSeconds,
  origin: originOf(execution),
});

/** A planned time has one row, whoever writes it. Who wrote it tells of it, if that was all of the run. */
async function insertOnce(tx: Tx, execution: ScheduleExecution, agent: Agent): Promise<void> {
  const insert = tx.of(ScheduleExecution).createQueryBuilder().insert().values(execution).orIgnore().returning('id');
  const { raw } = (await insert.execute()) as { readonly raw: unknown };
  const inserted = Array.isArray(raw) && raw.length > 0;
  if (inserted && execution.state === 'skipped') await tellSettled(tx, agent, execution);
}

async function goesOn(tx: Tx, scheduleId: string): Promise<boolean> {
  const rows = await tx.query(
    `select 1 from schedule_executions e left join turns t on t.id = e.id
     where e.schedule_id = $1 and (e.state = 'pending' or (e.state = 'sent' and t.state in ('queued', 'running'))) limit 1`,
    [scheduleId],
  );
  return rows.length > 0;
}

const stoppedWords = ({ reason }: Instance): string =>
  `The agent is not running${reason === null ? '' : ` (${reason})`}: start it, and the next run goes ahead`;
