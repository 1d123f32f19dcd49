import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How far a journal's effects are stored, apart from where it has to be read again; and whose tokens cost nothing. */
export class JournalProgress1700000000005 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table generations add column applied bigint not null default 0');
    await db.query('alter table generations add column demo boolean not null default false');
    await db.query('update generations set applied = cursor');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table generations drop column demo');
    await db.query('alter table generations drop column applied');
  }
}
