import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Keys that open an agent over SSH for a while, and the processes that people at terminals started. */
export class CreateSsh1700000000009 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table ssh_credentials (
      id text primary key, agent_id text not null references agents (id) on delete cascade, user_id text not null,
      key_type text not null, public_key text not null, fingerprint text not null,
      created_at timestamptz not null, expires_at timestamptz not null)`);
    await db.query('create index ssh_credentials_agent on ssh_credentials (agent_id, created_at)');
    await db.query('create index ssh_credentials_expiry on ssh_credentials (expires_at)');
    await db.query(`create table shells (
      id text primary key, instance_id text not null references instances (id) on delete cascade,
      replica text not null, sole_key text, created_at timestamptz not null, seen_at timestamptz not null)`);
    await db.query('create index shells_instance on shells (instance_id)');
    await db.query('create unique index shells_sole_key on shells (sole_key)');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table shells, ssh_credentials');
  }
}
