import { randomUUID } from 'node:crypto';
import { Secret } from '../credentials/secret.js';
import { SealedSetting } from '../settings/sealed-setting.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { LinkAddresses } from './link-addresses.js';
import { PublicAddress } from './public-address.js';
import type { Config } from '../../config/config.js';

const at = (publicUrl: string): PublicAddress => new PublicAddress({ publicUrl } as Config);

describe('addresses of agents and sessions', () => {
  let test: TestDatabase;
  beforeAll(async () => (test = await openTestDatabase()), 60_000);
  afterAll(() => test.close());

  const masterKey = new Secret('ab'.repeat(32));
  const stored = (): SealedSetting => new SealedSetting(test.db, { masterKey }, 'links.key');
  const made = (): string => randomUUID().replaceAll('-', '').repeat(2);

  it('stay the same over restarts and for servers that start together', async () => {
    const keys = await Promise.all([stored().get(made), stored().get(made), stored().get(made)]);
    const id = randomUUID();
    const urls = [...keys, await stored().get(made)].map((key) =>
      new LinkAddresses(key, at('https://fleet.example')).sessionUrl(id),
    );
    expect(new Set(urls).size).toBe(1);
    expect(urls[0]).toMatch(/^https:\/\/fleet\.example\/s\/[\w-]{48}$/);
  });

  it('have their key sealed in the database', async () => {
    const key = await stored().get(made);
    const rows = await test.db.query<{ value: string }>(`select value from settings where key = 'links.key'`);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.value).not.toContain(key.reveal());
  });

  it('lead to their own target only', async () => {
    const addresses = new LinkAddresses(await stored().get(made), at('https://fleet.example'));
    const id = randomUUID();
    const capability = addresses.agentUrl(id).split('/').at(-1) ?? '';
    expect(addresses.idIn('agent', capability)).toBe(id);
    expect(addresses.idIn('session', capability)).toBeNull();
  });
});

describe('the public address', () => {
  it.each([
    ['https://fleet.example', 4711, 'https://fleet.example'],
    ['http://127.0.0.1:0', 4711, 'http://127.0.0.1:4711'],
    ['http://[::1]:0', 4711, 'http://[::1]:4711'],
    ['http://127.0.0.1:8000', 4711, 'http://127.0.0.1:8000'],
    ['http://127.0.0.1:8000', 0, 'http://127.0.0.1:8000'],
  ])('of %s on port %i is %s', (configured, port, base) => {
    const address = at(configured);
    address.bound(port);
    expect(address.base).toBe(base);
  });
});
