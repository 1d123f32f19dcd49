import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What an agent's home is filled with before its first start. */
export class CreateAgentSeeds1700000000012 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`create table agent_seeds (
      agent_id text not null,
      template text,
      repository text,
      branch text,
      delivered_at timestamptz,
      constraint agent_seeds_pkey primary key (agent_id),
      constraint agent_seeds_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
    )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table agent_seeds');
  }
}
