import { createHmac } from 'node:crypto';
import type { DataSource } from 'typeorm';
import type { Config } from '../../config/config.js';
import type { Secret } from '../../core/credentials/secret.js';
import { DatabaseError } from './folder-lock.js';

export const masterKeySetting = 'flotilla.master_key';

/** Tells keys apart; the key cannot be found from it. */
export function keyFingerprint(masterKey: Secret): string {
  const mac = createHmac('sha256', Buffer.from(masterKey.reveal(), 'hex'));
  return mac.update('flotilla fingerprint of the master key').digest('base64url');
}

/**
 * Throws `DatabaseError` when the database was used with another master key: what is sealed in it could not be read.
 * The first start notes a fingerprint, from which the key cannot be found.
 */
export async function checkMasterKey(source: DataSource, config: Pick<Config, 'masterKey'>): Promise<void> {
  const fingerprint = keyFingerprint(config.masterKey);
  await source.query(
    `insert into settings (key, value, updated_at) values ($1, $2::jsonb, now()) on conflict do nothing`,
    [masterKeySetting, JSON.stringify(fingerprint)],
  );
  const [row] = await source.query<{ value: unknown }[]>('select value from settings where key = $1', [
    masterKeySetting,
  ]);
  if (row?.value === fingerprint) return;
  throw new DatabaseError(
    'The master key is not the one this database was made with: set FLOTILLA_MASTER_KEY, or put back master.key in the data folder, as it was. If a change of the key was cut off, run script/rotate-master-key once more.',
  );
}
