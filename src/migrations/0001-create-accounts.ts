import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateAccounts1700000000001 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table users (
      id text primary key,
      username text not null,
      email text,
      password_hash text,
      role text not null,
      name text,
      picture text,
      personal_org_id text not null,
      created_at timestamptz not null,
      last_login_at timestamptz,
      suspended_at timestamptz,
      password_changed_at timestamptz)`);
    await db.query('create unique index users_username on users (username)');
    await db.query('create unique index users_email on users (email)');

    await db.query(`create table organisations (
      id text primary key,
      name text not null,
      kind text not null,
      created_at timestamptz not null)`);

    await db.query(`create table memberships (
      org_id text not null,
      user_id text not null,
      role text not null,
      primary key (org_id, user_id))`);
    await db.query('create index memberships_user on memberships (user_id)');

    await db.query(`create table api_keys (
      id text primary key,
      dialect text not null,
      user_id text not null,
      org_id text not null,
      agent_id text,
      label text not null,
      description text,
      prefix text not null,
      hash text not null,
      scopes jsonb not null default '[]',
      created_at timestamptz not null,
      last_used_at timestamptz,
      usage_count int not null default 0,
      revoked_at timestamptz)`);
    await db.query('create unique index api_keys_hash on api_keys (hash)');
    await db.query('create index api_keys_user on api_keys (user_id)');
    await db.query('create index api_keys_agent on api_keys (agent_id)');

    await db.query(`create table revoked_logins (
      jti text primary key,
      expires_at timestamptz not null)`);
    await db.query('create index revoked_logins_expiry on revoked_logins (expires_at)');

    await db.query(`create table login_failures (
      key text primary key,
      count int not null,
      window_ends_at timestamptz not null)`);
    await db.query('create index login_failures_end on login_failures (window_ends_at)');
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of ['login_failures', 'revoked_logins', 'api_keys', 'memberships', 'organisations', 'users']) {
      await db.query(`drop table ${table}`);
    }
  }
}
