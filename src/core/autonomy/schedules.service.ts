import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import { includes } from '../access/access.rules.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Conflict, Forbidden, NotFound } from '../errors/domain-error.js';
import { Leadership } from '../leadership/leadership.service.js';
import { timetableOf } from './cron.rules.js';
import { tellSettled } from './execution-news.js';
import { ScheduleExecution } from './schedule-execution.entity.js';
import { Schedule } from './schedule.entity.js';
import { checkFields, mayChange, type ScheduleFields } from './schedule.rules.js';

/** A schedule with the agent it belongs to. */
export interface ScheduleOfAgent {
  readonly schedule: Schedule;
  readonly agent: Agent;
}

/** Schedules an agent may have. */
const mostPerAgent = 1000;

/** Schedules of agents: everybody with access sees and makes them; their creator and the agent's owner change them. */
@Injectable()
export class Schedules {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly clock: Clock,
    private readonly audit: Audit,
    private readonly leadership: Leadership,
  ) {}

  /** Oldest first. */
  async list(who: Principal, slug: string): Promise<ScheduleOfAgent[]> {
    const agent = await this.access.agent(who, { slug }, 'view');
    const schedules = await this.db
      .of(Schedule)
      .find({ where: { agentId: agent.id }, order: { createdAt: 'ASC', id: 'ASC' } });
    return schedules.map((schedule) => ({ schedule, agent }));
  }

  async get(who: Principal, slug: string, id: string): Promise<ScheduleOfAgent> {
    const agent = await this.access.agent(who, { slug }, 'view');
    return { agent, schedule: await this.find(agent, id) };
  }

  async create(who: Principal, slug: string, fields: ScheduleFields): Promise<ScheduleOfAgent> {
    const agent = await this.access.agent(who, { slug }, 'operate');
    const now = this.clock.now();
    checkFields(fields, agent);
    const nextRunAt = nextOf(fields, now);
    const schedule = new Schedule();
    const times = { createdAt: now, updatedAt: now, lastRunAt: null, nextRunAt };
    Object.assign(schedule, { ...fields, id: randomUUID(), agentId: agent.id, createdBy: who.userId, ...times });
    await this.db.run(async (tx) => {
      if (!(await stillThere(tx, agent.id))) throw agentDeleted();
      if ((await tx.of(Schedule).countBy({ agentId: agent.id })) >= mostPerAgent) {
        throw new Conflict(`An agent has at most ${mostPerAgent} schedules`, 'too_many_schedules');
      }
      await tx.of(Schedule).insert(schedule);
      await this.record(tx, who, 'schedule.created', schedule);
    });
    void this.leadership.wake('schedules', schedule.id);
    return { schedule, agent };
  }

  /** Changes what is given. A new time or zone counts from now on. */
  async change(who: Principal, slug: string, id: string, patch: Partial<ScheduleFields>): Promise<ScheduleOfAgent> {
    const agent = await this.changeable(who, slug, id);
    const schedule = await this.db.run(async (tx) => {
      const row = await tx.lock(Schedule, { id, agentId: agent.id });
      if (!row) throw new NotFound('schedule', id);
      const { cron, timezone, enabled } = row;
      const now = this.clock.now();
      Object.assign(row, patch);
      checkFields(row, agent);
      const moved = row.cron !== cron || row.timezone !== timezone || row.enabled !== enabled;
      if (moved) row.nextRunAt = nextOf(row, now);
      row.updatedAt = now;
      await tx.of(Schedule).save(row);
      await this.record(tx, who, 'schedule.changed', row);
      return row;
    });
    void this.leadership.wake('schedules', id);
    return { schedule, agent };
  }

  /** What waits for its agent is skipped; what runs is let finish. The record of its runs stays with the agent. */
  async remove(who: Principal, slug: string, id: string): Promise<void> {
    const agent = await this.changeable(who, slug, id);
    await this.db.run(async (tx) => {
      const row = await tx.lock(Schedule, { id, agentId: agent.id });
      if (!row) throw new NotFound('schedule', id);
      const over = { state: 'skipped', error: 'The schedule was deleted', endedAt: this.clock.now() } as const;
      for (const waiting of await tx.of(ScheduleExecution).findBy({ scheduleId: id, state: 'pending' })) {
        const settled = await tx.of(ScheduleExecution).update({ id: waiting.id, state: 'pending' }, over);
        if (settled.affected) await tellSettled(tx, agent, Object.assign(waiting, over));
      }
      await tx.of(Schedule).delete({ id });
      await this.record(tx, who, 'schedule.deleted', row);
    });
  }

  /** How many schedules an agent has, and how many of them are enabled. */
  async count(agentId: string): Promise<{ readonly total: number; readonly enabled: number }> {
    const [row] = await this.db.query<{ total: string; enabled: string }>(
      `select count(*) as total, count(*) filter (where enabled) as enabled from schedules where agent_id = $1`,
      [agentId],
    );
    return { total: Number(row?.total ?? 0), enabled: Number(row?.enabled ?? 0) };
  }

  private async changeable(who: Principal, slug: string, id: string): Promise<Agent> {
    const agent = await this.access.agent(who, { slug }, 'view');
    const schedule = await this.find(agent, id);
    const right = await this.access.rightOn(who, agent);
    if (right && includes(right, 'view') && mayChange(who, schedule, right)) return agent;
    throw new Forbidden("Only its creator and the agent's owner may change a schedule", 'not_your_schedule');
  }

  private async find(agent: Agent, id: string): Promise<Schedule> {
    // PostgreSQL refuses NUL in text; no schedule is called so.
    const schedule = id.includes('\0') ? null : await this.db.of(Schedule).findOneBy({ id, agentId: agent.id });
    if (!schedule) throw new NotFound('schedule', id);
    return schedule;
  }

  private record(tx: Tx, who: Principal, action: string, schedule: Schedule): Promise<void> {
    const { id, agentId, name, cron, timezone, enabled } = schedule;
    const data = { agentId, name, cron, timezone, enabled };
    return this.audit.record(tx, { who, action, object: `schedule:${id}`, data });
  }
}

/** Holds the agent in place until the transaction ends, so that deleting it waits. False when it is gone. */
export async function stillThere(tx: Tx, agentId: string): Promise<boolean> {
  return (await tx.query('select 1 from agents where id = $1 for key share', [agentId])).length > 0;
}

function nextOf({ cron, timezone, enabled }: Pick<ScheduleFields, 'cron' | 'timezone' | 'enabled'>, now: Date) {
  const timetable = timetableOf(cron, timezone, now);
  return enabled ? timetable.after(now) : null;
}
