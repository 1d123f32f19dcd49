import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Schedules and their executions; tasks beside the chat; a time limit that a turn keeps from when it was asked for. */
export class CreateSchedules1700000000011 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    for (const statement of statements) await db.query(statement);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table schedule_executions, schedules');
    await db.query('alter table turns drop column lane, drop column timeout_seconds, drop column origin');
    await db.query('alter table sessions drop column purpose, drop column options');
  }
}

const statements = [
  `alter table sessions add column purpose text not null default 'chat', add column options jsonb`,
  `alter table turns add column lane text not null default 'chat', add column timeout_seconds int, add column origin jsonb`,
  `create table schedules (
    id text primary key, agent_id text not null references agents (id) on delete cascade, created_by text not null,
    name text not null, cron text not null, message text not null, enabled boolean not null default true,
    timezone text not null, description text, timeout_seconds int, created_at timestamptz not null,
    updated_at timestamptz not null, last_run_at timestamptz, next_run_at timestamptz)`,
  'create index schedules_agent on schedules (agent_id, created_at)',
  'create index schedules_next on schedules (next_run_at)',
  `create table schedule_executions (
    id text primary key, schedule_id text not null, schedule_name text not null,
    agent_id text not null references agents (id) on delete cascade, planned_at timestamptz, triggered_by text not null,
    user_id text not null, message text not null, timeout_seconds int, state text not null, error text,
    created_at timestamptz not null, ended_at timestamptz)`,
  // What makes a planned minute run once, whoever comes to it and how often.
  'create unique index schedule_executions_planned on schedule_executions (schedule_id, planned_at)',
  'create index schedule_executions_agent on schedule_executions (agent_id, created_at)',
  'create index schedule_executions_schedule on schedule_executions (schedule_id, created_at)',
  'create index schedule_executions_state on schedule_executions (state)',
];
