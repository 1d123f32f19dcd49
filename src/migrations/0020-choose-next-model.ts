import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A model that an agent uses from its next start on. */
export class ChooseNextModel1700000000020 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table agents add column next_model jsonb');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table agents drop column next_model');
  }
}
