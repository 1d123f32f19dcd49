import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How full a conversation was at the end of each turn: of earlier turns nobody knows. */
export class KeepContextOfTurns1700000000018 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table turns add column context_used int, add column context_max int');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table turns drop column context_used, drop column context_max');
  }
}
