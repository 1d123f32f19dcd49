import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which conversations a person named. Of earlier ones nobody knows. */
export class KeepGivenTitles1700000000021 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table sessions add column titled boolean not null default false');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('alter table sessions drop column titled');
  }
}
