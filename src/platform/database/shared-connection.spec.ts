import { Client } from 'pg';
import { databaseKinds, type PostgresServer } from '../../../test/support/postgres.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { until } from '../../../test/support/until.js';

const server = databaseKinds.find(({ name }) => name === 'a PostgreSQL server');

(server && !server.skipped ? describe : describe.skip)('the connection that look-ups share', () => {
  let postgres: PostgresServer | null;
  let database: TestDatabase;
  const backend = async (): Promise<number> => {
    const row = await database.db.lookUp<{ pid: number }>('select pg_backend_pid() as pid where 1 = $1', [1]);
    return row?.pid ?? 0;
  };
  beforeAll(async () => {
    postgres = (await server?.start()) ?? null;
    database = await openTestDatabase(postgres?.url);
  });
  afterAll(async () => {
    await database.close();
    await postgres?.stop();
  });

  it('is one for all of them', async () => {
    const pids = await Promise.all(Array.from({ length: 50 }, backend));
    expect(new Set(pids).size).toBe(1);
  });

  it('is opened anew when it was lost; what waited on it fails at once', async () => {
    const lost = await backend();
    const waiting = database.db.lookUp('select pg_sleep(30 * $1)', [1]).catch((error: unknown) => error);
    const behind = backend().catch((error: unknown) => error);
    await database.db.query('select pg_terminate_backend($1)', [lost]);
    expect(await waiting).toBeInstanceOf(Error);
    expect(await behind).toBeInstanceOf(Error);
    const now = await until('another answers', () => backend().catch(() => 0));
    expect(now).not.toBe(lost);
    expect(await Promise.all([backend(), backend()])).toEqual([now, now]);
  });

  it('may fail to open, and is opened by a later look-up', async () => {
    const [{ name } = { name: '' }] = await database.db.query<{ name: string }>('select current_database() as name');
    const admin = new Client({ connectionString: postgres?.url });
    await admin.connect();
    try {
      await admin.query(`alter database ${name} with allow_connections false`);
      await admin.query('select pg_terminate_backend($1)', [await backend()]);
      const refused = (error: unknown) => (error as { code?: string }).code === '55000';
      await until('nobody gets in', () => backend().then(() => false, refused));
      await admin.query(`alter database ${name} with allow_connections true`);
      expect(await backend()).toBeGreaterThan(0);
    } finally {
      await admin.end();
    }
  });
});
