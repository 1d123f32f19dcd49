import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { NotFound } from '../errors/domain-error.js';
import { Session } from '../sessions/session.entity.js';
import { Turn } from '../sessions/turn.entity.js';
import { ScheduleExecution } from './schedule-execution.entity.js';
import { Schedule } from './schedule.entity.js';
import { statusOf, type RunStatus } from './schedule.rules.js';

/** One run of a schedule with what became of it. */
export interface Run {
  readonly execution: ScheduleExecution;
  /** Null when it never became one. */
  readonly turn: Turn | null;
  readonly session: Session | null;
  readonly agentSlug: string;
  readonly status: RunStatus;
}

/** Runs of schedules, newest first. The turn is asked how a run stands, so that nothing has to be kept in step. */
@Injectable()
export class Executions {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
  ) {}

  async ofAgent(who: Principal, slug: string, limit: number): Promise<Run[]> {
    const agent = await this.access.agent(who, { slug }, 'view');
    return this.load(agent.slug, { agentId: agent.id }, limit);
  }

  async ofSchedule(who: Principal, slug: string, scheduleId: string, limit: number): Promise<Run[]> {
    const agent = await this.access.agent(who, { slug }, 'view');
    const known =
      !scheduleId.includes('\0') && (await this.db.of(Schedule).existsBy({ id: scheduleId, agentId: agent.id }));
    if (!known) throw new NotFound('schedule', scheduleId);
    return this.load(agent.slug, { agentId: agent.id, scheduleId }, limit);
  }

  async get(who: Principal, slug: string, id: string): Promise<Run> {
    const agent = await this.access.agent(who, { slug }, 'view');
    const [run] = id.includes('\0') ? [] : await this.load(agent.slug, { agentId: agent.id, id }, 1);
    if (!run) throw new NotFound('execution', id);
    return run;
  }

  private async load(agentSlug: string, where: Partial<ScheduleExecution>, limit: number): Promise<Run[]> {
    const take = Math.max(1, Math.min(1000, limit));
    const order = { createdAt: 'DESC', plannedAt: 'DESC', id: 'ASC' } as const;
    const executions = await this.db.of(ScheduleExecution).find({ where: where as never, order, take });
    const ids = executions.flatMap(({ id, state }) => (state === 'sent' ? [id] : []));
    const turns = ids.length > 0 ? await this.db.of(Turn).findBy({ id: In(ids) }) : [];
    const sessionIds = turns.map((turn) => turn.sessionId);
    const sessions = turns.length > 0 ? await this.db.of(Session).findBy({ id: In(sessionIds) }) : [];
    return executions.map((execution) => {
      const turn = turns.find(({ id }) => id === execution.id) ?? null;
      const session = sessions.find(({ id }) => id === turn?.sessionId) ?? null;
      return { execution, turn, session, agentSlug, status: statusOf(execution, turn) };
    });
  }
}
