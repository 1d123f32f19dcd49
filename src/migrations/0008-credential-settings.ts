import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What became of an agent's credentials at its last start, and whose provider key its runtime uses. */
export class CredentialSettings1700000000008 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table instances add column credentials jsonb');
    await db.query('alter table agents add column platform_key boolean not null default true');
    await db.query('alter table generations add column platform_key boolean not null default true');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table generations drop column platform_key');
    await db.query('alter table agents drop column platform_key');
    await db.query('alter table instances drop column credentials');
  }
}
