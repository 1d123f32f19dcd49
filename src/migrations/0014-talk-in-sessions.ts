import type { MigrationInterface, QueryRunner } from 'typeorm';

const kinds = ['input', 'output', 'reasoning', 'cache_read', 'cache_write'];

/** Tokens of a whole conversation, kept beside its turns, and what a model spent on thinking. */
export class TalkInSessions1700000000014 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query('alter table turns add column reasoning_tokens int not null default 0');
    const columns = kinds.map((kind) => `add column ${kind}_tokens double precision not null default 0`);
    await db.query(`alter table sessions ${columns.join(', ')}`);
    const sums = kinds.map((kind) => `${kind}_tokens = sums.${kind}`);
    const fields = kinds.map((kind) => `sum(${kind}_tokens) as ${kind}`);
    await db.query(`update sessions set ${sums.join(', ')} from
      (select session_id, ${fields.join(', ')} from turns group by session_id) sums where sums.session_id = sessions.id`);
    await db.query(`create index sessions_to_erase on sessions (status) where status = 'deleted' and event_seq > 0`);
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query('drop index sessions_to_erase');
    await db.query(`alter table sessions ${kinds.map((kind) => `drop column ${kind}_tokens`).join(', ')}`);
    await db.query('alter table turns drop column reasoning_tokens');
  }
}
