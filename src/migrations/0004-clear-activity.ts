import type { MigrationInterface, QueryRunner } from 'typeorm';

/** From when on an agent's live activity counts. */
export class ClearActivity1700000000004 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table agents add column activity_cleared_at timestamptz');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table agents drop column activity_cleared_at');
  }
}
