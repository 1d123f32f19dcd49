import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What decides who a caller is and what they may do. Counting the uses of a key, or a sign-in, changes neither. */
const changes: Readonly<Record<string, string>> = {
  users: `insert or delete or truncate or update of id, username, email, email_proven_at, role, personal_org_id, suspended_at,
    password_changed_at`,
  memberships: 'insert or delete or truncate or update',
  api_keys:
    'insert or delete or truncate or update of id, hash, dialect, user_id, org_id, agent_id, scopes, revoked_at',
  revoked_logins: 'insert or delete or truncate or update',
  agents: 'delete or truncate or update of id',
};

/** The database itself says when callers change, so that what is remembered of them cannot outlive a change made in any way. */
export class AnnounceCallers1700000000017 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`create function flotilla_callers_changed() returns trigger language plpgsql as $$
      begin
        perform pg_notify('flotilla_callers', '');
        return null;
      end $$`);
    for (const [table, when] of Object.entries(changes)) {
      await db.query(`create trigger ${table}_callers_changed after ${when} on ${table}
        for each statement execute function flotilla_callers_changed()`);
    }
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of Object.keys(changes)) await db.query(`drop trigger ${table}_callers_changed on ${table}`);
    await db.query('drop function flotilla_callers_changed()');
  }
}
