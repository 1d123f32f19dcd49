import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which of several servers on one database leads. */
export class CreateLeases1700000000006 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('create table leases (name text primary key, holder text not null, until timestamptz not null)');
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table leases');
  }
}
