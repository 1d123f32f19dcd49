import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Groups of agents, and secrets that reach their processes. */
export class CreateGroups1700000000015 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table agent_groups (
      id text not null,
      org_id text not null,
      name text not null,
      name_key text not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      constraint agent_groups_pkey primary key (id)
    )`);
    await db.query('create unique index agent_groups_name on agent_groups (org_id, name_key)');

    await db.query(`alter table agents
      add column group_id text,
      add constraint agents_group_id_fkey foreign key (group_id) references agent_groups (id) on delete set null`);
    await db.query('create index agents_group on agents (group_id)');

    await db.query(`create table secrets (
      id text not null,
      org_id text not null,
      group_id text,
      name text not null,
      sealed text not null,
      created_at timestamptz not null,
      updated_at timestamptz not null,
      constraint secrets_pkey primary key (id),
      constraint secrets_group_id_fkey foreign key (group_id) references agent_groups (id) on delete cascade
    )`);
    await db.query('create unique index secrets_org on secrets (org_id, name) where group_id is null');
    await db.query('create unique index secrets_group on secrets (group_id, name)');

    await db.query(`create table given_secrets (
      id text not null,
      instance_id text not null,
      name text not null,
      sealed text not null,
      current boolean not null,
      given_at timestamptz not null,
      constraint given_secrets_pkey primary key (id),
      constraint given_secrets_instance_id_fkey foreign key (instance_id) references instances (id) on delete cascade
    )`);
    await db.query('create index given_secrets_instance on given_secrets (instance_id)');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table given_secrets, secrets');
    await db.query('alter table agents drop column group_id');
    await db.query('drop table agent_groups');
  }
}
