import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Events, jobs, settings and the audit trail. */
export class CreatePlatform1700000000002 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table outbox (
      id bigserial primary key,
      type text not null,
      org_id text not null,
      agent_id text,
      data jsonb not null,
      at timestamptz not null default now())`);
    await db.query('create index outbox_at on outbox (at)');
    await db.query(`create table jobs (
      id bigserial primary key,
      kind text not null,
      key text not null,
      payload jsonb not null,
      state text not null,
      run_at timestamptz not null,
      attempts int not null default 0,
      claim text,
      lease_until timestamptz,
      reason text,
      created_at timestamptz not null,
      finished_at timestamptz)`);
    await db.query('create unique index jobs_unfinished on jobs (kind, key) where finished_at is null');
    await db.query('create index jobs_due on jobs (state, run_at)');
    await db.query(`create table settings (
      key text primary key,
      value jsonb not null,
      updated_at timestamptz not null default now())`);
    await db.query(`create table audit (
      id bigserial primary key,
      at timestamptz not null,
      principal text not null,
      via text not null,
      action text not null,
      object text not null,
      result text not null,
      data jsonb not null default '{}')`);
    await db.query('create index audit_at on audit (at)');
    await db.query('create index audit_object on audit (object)');
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of ['audit', 'settings', 'jobs', 'outbox']) await db.query(`drop table ${table}`);
  }
}
