import { randomUUID } from 'node:crypto';
import type { UnitOfWork } from './unit-of-work.js';

const key = 'flotilla.install_id';

/** The installation's own id, a UUID made at the first start. Replicas that start together agree on one. */
export async function installIdOf(db: UnitOfWork): Promise<string> {
  await db.query(`insert into settings (key, value, updated_at) values ($1, $2::jsonb, now()) on conflict do nothing`, [
    key,
    JSON.stringify(randomUUID()),
  ]);
  const [row] = await db.query<{ value: unknown }>('select value from settings where key = $1', [key]);
  if (typeof row?.value !== 'string') throw new Error(`the setting ${key} is not a text`);
  return row.value;
}
