import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which agent may call which, shared folders, what a read-only agent may write, limits of an agent, and what a container was made with. */
export class CreateFolders1700000000010 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table agent_grants (
      source_id text not null constraint agent_grants_source_id_fkey references agents (id) on delete cascade,
      target_id text not null constraint agent_grants_target_id_fkey references agents (id) on delete cascade,
      allowed boolean not null,
      updated_at timestamptz not null,
      primary key (source_id, target_id))`);
    await db.query('create index agent_grants_target on agent_grants (target_id)');
    await db.query(`create table agent_folders (
      agent_id text primary key constraint agent_folders_agent_id_fkey references agents (id) on delete cascade,
      expose boolean not null default false,
      consume boolean not null default false)`);
    await db.query(`create table write_rules (
      agent_id text primary key constraint write_rules_agent_id_fkey references agents (id) on delete cascade,
      blocked jsonb not null default '[]',
      allowed jsonb not null default '[]')`);
    await db.query('alter table agents add column memory_limit text, add column cpu_limit text');
    await db.query('alter table instances add column renew_at timestamptz, add column made jsonb');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table instances drop column made, drop column renew_at');
    await db.query('alter table agents drop column cpu_limit, drop column memory_limit');
    await db.query('drop table write_rules');
    await db.query('drop table agent_folders');
    await db.query('drop table agent_grants');
  }
}
