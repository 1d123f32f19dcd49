import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Tells every server when something changes that decides who may call. Counting uses and sign-ins changes nothing of it. */
export class AnnounceAccounts1700000000007 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`create function flotilla_accounts_changed() returns trigger language plpgsql as $$
      begin perform pg_notify('flotilla_accounts', ''); return null; end $$`);
    for (const [table, changes] of Object.entries(watched)) {
      await db.query(`create trigger ${table}_announced after ${changes} on ${table}
        for each statement execute function flotilla_accounts_changed()`);
    }
  }

  async down(db: QueryRunner): Promise<void> {
    for (const table of Object.keys(watched)) await db.query(`drop trigger ${table}_announced on ${table}`);
    await db.query('drop function flotilla_accounts_changed()');
  }
}

const watched = {
  users: 'delete or update of username, email, role, personal_org_id, suspended_at, password_changed_at',
  memberships: 'insert or update or delete',
  api_keys: 'delete or update of hash, dialect, user_id, org_id, agent_id, scopes, revoked_at',
  revoked_logins: 'insert',
};
