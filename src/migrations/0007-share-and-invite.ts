import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Numbers for people, proven addresses, and what sign-in by e-mail needs. */
export class ShareAndInvite1700000000007 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    // Nobody has proven an address yet: there was no way to.
    await db.query('alter table users add column number serial not null, add column email_proven_at timestamptz');
    await db.query('create unique index users_number on users (number)');

    await db.query(`create table email_whitelist (
      id serial primary key, email text not null, added_by_id text, added_at timestamptz not null,
      source text not null, default_role text not null)`);
    await db.query('create unique index email_whitelist_email on email_whitelist (email)');

    await db.query(`create table email_codes (
      id bigserial primary key, email text not null, hash text not null, expires_at timestamptz not null)`);
    await db.query('create index email_codes_email on email_codes (email)');
    await db.query('create index email_codes_expiry on email_codes (expires_at)');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table email_codes, email_whitelist');
    await db.query('alter table users drop column email_proven_at, drop column number');
  }
}
