import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Private instructions and chosen providers, why agents stopped, how long a stop may take, and prompts sent when an agent is ready. */
export class PrepareHosting1700000000013 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table agents add column provider text, add column private_instructions text');
    await db.query('alter table instances add column last_error text, add column grace_seconds int');
    await db.query(`create table openings (
      agent_id text not null,
      user_id text not null,
      prompt text not null,
      created_at timestamptz not null,
      constraint openings_pkey primary key (agent_id),
      constraint openings_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
    )`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop table openings');
    await db.query('alter table instances drop column last_error, drop column grace_seconds');
    await db.query('alter table agents drop column provider, drop column private_instructions');
  }
}
