import { randomUUID } from 'node:crypto';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import type { Config } from '../../config/config.js';
import { checkMasterKey } from '../../platform/database/master-key-check.js';
import type { Tx } from '../../platform/database/unit-of-work.js';
import { Secret } from '../credentials/secret.js';
import { SecretBox } from '../groups/secret-box.js';
import { HostKey } from '../ssh/host-key.service.js';
import { rotateMasterKey } from './master-key-rotation.js';

const keyOf = (digit: string): Secret => new Secret(digit.repeat(64));
const configOf = (masterKey: Secret): Config => ({ masterKey }) as Config;
const [first, second, third] = [keyOf('1'), keyOf('2'), keyOf('3')];
const count = 10_000;

describe('changing the master key', () => {
  let database: TestDatabase;
  let hostKey: string;

  /** All secrets, opened with a key. */
  async function opened(key: Secret): Promise<string[]> {
    const box = new SecretBox(configOf(key));
    const rows = await database.db.query<{ id: string; name: string; sealed: string }>(
      'select id, name, sealed from secrets order by name',
    );
    return rows.map((row) => box.open({ ...row, orgId: 'org', groupId: null }));
  }

  beforeAll(async () => {
    database = await openTestDatabase();
    await checkMasterKey(database.source, { masterKey: first });
    hostKey = (await new HostKey(database.db, configOf(first)).get()).reveal();
    const box = new SecretBox(configOf(first));
    const rows = Array.from({ length: count }, (_, index) => {
      const place = { id: randomUUID(), orgId: 'org', groupId: null, name: `K${String(index).padStart(5, '0')}` };
      return { id: place.id, name: place.name, sealed: box.seal(place, `value ${index}`) };
    });
    await database.db.query(
      `insert into secrets (id, org_id, name, sealed, created_at, updated_at)
       select id, 'org', name, sealed, now(), now() from jsonb_to_recordset($1::jsonb) as n (id text, name text, sealed text)`,
      [JSON.stringify(rows)],
    );
  }, 120_000);
  afterAll(() => database.close());

  it(`seals ${count} secrets and the SSH host key anew, and refuses the old key from then on`, async () => {
    const { changed, sealed, unreadable } = await rotateMasterKey(database.db, first, second);
    expect({ changed, sealed, unreadable }).toEqual({ changed: true, sealed: count + 1, unreadable: [] });
    const values = await opened(second);
    expect(values).toHaveLength(count);
    expect(values.at(-1)).toBe(`value ${count - 1}`);
    await expect(opened(first)).rejects.toThrow('another key');
    expect((await new HostKey(database.db, configOf(second)).get()).reveal()).toBe(hostKey);
    await expect(checkMasterKey(database.source, { masterKey: first })).rejects.toThrow(
      'The master key is not the one',
    );
    await checkMasterKey(database.source, { masterKey: second });
  }, 120_000);

  it('does nothing when it is run again', async () => {
    expect(await rotateMasterKey(database.db, first, second)).toEqual({ changed: false, sealed: 0, unreadable: [] });
  });

  it('refuses a key that is not the one of the database', async () => {
    await expect(rotateMasterKey(database.db, first, third)).rejects.toMatchObject({ code: 'wrong_key' });
    expect((await opened(second)).at(0)).toBe('value 0');
  });

  it('refuses beside a server', async () => {
    await database.db.query(
      `insert into leases (name, holder, until) values ('leader', 'h', clock_timestamp() + interval '1 hour')`,
    );
    await expect(rotateMasterKey(database.db, second, third)).rejects.toMatchObject({ code: 'server_running' });
    await database.db.query(`update leases set until = clock_timestamp() - interval '1 second'`);
  });

  it('changes nothing when it is cut off before its end', async () => {
    const cutOff = {
      run: (work: (tx: Tx) => Promise<unknown>) =>
        database.db.run(async (tx) => {
          await work(tx);
          throw new Error('killed');
        }),
    } as unknown as typeof database.db;
    await expect(rotateMasterKey(cutOff, second, third)).rejects.toThrow('killed');
    expect((await opened(second)).at(-1)).toBe(`value ${count - 1}`);
    await checkMasterKey(database.source, { masterKey: second });
  }, 120_000);

  it('names what the old key does not open, and changes the rest', async () => {
    const [row] = await database.db.query<{ id: string }>(`select id from secrets where name = 'K00007'`);
    await database.db.query(`update secrets set sealed = 'v1.garbage' where name = 'K00007'`);
    const { sealed, unreadable } = await rotateMasterKey(database.db, second, third);
    expect(sealed).toBe(count);
    expect(unreadable).toEqual([`secrets ${row?.id}`]);
  }, 120_000);
});
