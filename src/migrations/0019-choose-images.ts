import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An agent may be made from an image of its own. */
export class ChooseImages1700000000019 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table agents add column image text');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table agents drop column image');
  }
}
