import { keyFingerprint, masterKeySetting } from '../../platform/database/master-key-check.js';
import type { Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { SealedPlace } from '../credentials/sealed-place.js';
import { Sealing } from '../credentials/sealing.js';
import type { Secret } from '../credentials/secret.js';
import { Conflict } from '../errors/domain-error.js';
import { sealedPlaces } from './sealed-places.js';

const batch = 200;

export interface Rotation {
  /** False: the database was on the new key already. */
  readonly changed: boolean;
  /** Values sealed anew. */
  readonly sealed: number;
  /** `table id` of values that the old key does not open either: they stay as they are. */
  readonly unreadable: readonly string[];
}

interface Row extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly sealed: string;
}

/**
 * Seals everything anew, under another master key, in one transaction: cut off at any moment it has changed nothing or all, and
 * may be run again. No server may run on the database meanwhile, because it would go on sealing with the old key.
 * @throws Conflict a server runs (`server_running`), or neither key is the database's (`wrong_key`)
 */
export function rotateMasterKey(db: UnitOfWork, from: Secret, to: Secret): Promise<Rotation> {
  return db.run(async (tx) => {
    await tx.query('lock table leases, settings in exclusive mode');
    const [known] = await tx.query<{ value: unknown }>('select value from settings where key = $1', [masterKeySetting]);
    if (known?.value === keyFingerprint(to)) return { changed: false, sealed: 0, unreadable: [] };
    if (known && known.value !== keyFingerprint(from)) {
      throw new Conflict('The master key is not the one this database was made with: give the right one', 'wrong_key');
    }
    await refuseBesideServer(tx);
    let sealed = 0;
    const unreadable: string[] = [];
    for (const place of sealedPlaces) {
      const done = await resealed(tx, place, new Sealing(from, place.purpose), new Sealing(to, place.purpose));
      sealed += done.sealed;
      unreadable.push(...done.unreadable.map((id) => `${place.table} ${id}`));
    }
    // Passwords inside running containers follow from the key: their runtimes are started anew with the next message.
    await tx.query(`update generations set fingerprint = '' where state <> 'ended'`);
    await tx.query(
      `insert into settings (key, value, updated_at) values ($1, $2::jsonb, now())
       on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at`,
      [masterKeySetting, JSON.stringify(keyFingerprint(to))],
    );
    return { changed: true, sealed, unreadable };
  });
}

async function refuseBesideServer(tx: Tx): Promise<void> {
  const [live] = await tx.query(`select 1 from leases where until > clock_timestamp() limit 1`);
  if (!live) return;
  throw new Conflict(
    'A server is running on this database: stop it first. If it was killed, wait a minute and try again',
    'server_running',
  );
}

async function resealed(
  tx: Tx,
  place: SealedPlace,
  from: Sealing,
  to: Sealing,
): Promise<{ readonly sealed: number; readonly unreadable: readonly string[] }> {
  const { table, id, column, bound, where = `${column} is not null` } = place;
  const value = place.json ? `${column} #>> '{}'` : column;
  const columns = [`${id} as id`, ...bound.map((name, index) => `${name} as b${index}`), `${value} as sealed`];
  let sealed = 0;
  const unreadable: string[] = [];
  for (let after = ''; ;) {
    const rows = await tx.query<Row>(
      `select ${columns.join()} from ${table} where ${where} and ${id} > $1 order by ${id} limit ${batch}`,
      [after],
    );
    const fresh: { id: string; sealed: string }[] = [];
    for (const row of rows) {
      const record = place.record([row.id, ...bound.map((_name, index) => row[`b${index}`] as string | null)]);
      const text = opened(from, record, row.sealed);
      if (text === null) unreadable.push(row.id);
      else fresh.push({ id: row.id, sealed: to.seal(record, text) });
    }
    const stored = place.json ? 'to_jsonb(n.sealed)' : 'n.sealed';
    await tx.query(
      `update ${table} t set ${column} = ${stored} from jsonb_to_recordset($1::jsonb) as n (id text, sealed text)
       where t.${id} = n.id`,
      [JSON.stringify(fresh)],
    );
    sealed += fresh.length;
    const last = rows.at(-1);
    if (!last || rows.length < batch) return { sealed, unreadable };
    after = last.id;
  }
}

function opened(sealing: Sealing, record: string, sealed: string): string | null {
  try {
    return sealing.open(record, sealed);
  } catch {
    return null;
  }
}
