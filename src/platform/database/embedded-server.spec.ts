import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeDataDir } from '../../../test/support/database.js';
import { until } from '../../../test/support/until.js';
import { EmbeddedServer } from './embedded-server.js';
import { openDatabase } from './open-database.js';

const support = join(__dirname, '..', '..', '..', 'test', 'support');

/** A process that writes until it is killed; `lines` grows with what it prints. */
function startWriter(dataDir: string): { child: ChildProcess; lines: string[]; gone: Promise<void> } {
  const program = ['-r', join(support, 'register.cjs'), join(support, 'write-until-killed.ts'), dataDir];
  const child = spawn(process.execPath, program, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  return { child, lines, gone: new Promise((resolve) => child.once('close', () => resolve())) };
}

describe('embedded database', () => {
  let dataDir: string;
  beforeEach(async () => (dataDir = await makeDataDir()));
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));
  const config = () => ({ databaseUrl: null, dataDir });

  it('loses no acknowledged commit and tears none when its process is killed', async () => {
    let acknowledged = 0;
    for (const commits of [1, 40, 150]) {
      const { child, lines, gone } = startWriter(dataDir);
      await until(`${commits} commits`, () => lines.length > commits);
      child.kill('SIGKILL');
      await gone;
      acknowledged = Number(lines.at(-1));

      const source = await openDatabase(config()); // at once: a killed process leaves no lock behind
      const [found] = await source.query<{ lefts: number; last: number; rights: number }[]>(
        `select count(*)::int as lefts, max(n) as last, (select count(*)::int from right_rows) as rights from left_rows`,
      );
      await source.destroy();
      expect(found?.last).toBeGreaterThanOrEqual(acknowledged);
      expect(found?.last).toBeLessThanOrEqual(acknowledged + 1);
      expect([found?.lefts, found?.rights]).toEqual([found?.last, found?.last]);
    }
    expect(acknowledged).toBeGreaterThan(190);
  });

  it('refuses a second process on its folder, naming the first', async () => {
    const { child, lines, gone } = startWriter(dataDir);
    await until('it writes', () => lines.length > 1);
    await expect(openDatabase(config())).rejects.toThrow(
      `The data folder ${dataDir} is in use by another Flotilla (process ${String(child.pid)})`,
    );
    child.kill('SIGKILL');
    await gone;
    const source = await openDatabase(config());
    await source.destroy();
  });

  it('refuses a second opener in the same process too, and gives the folder back', async () => {
    const first = await openDatabase(config());
    await expect(openDatabase(config())).rejects.toThrow(`process ${process.pid}`);
    expect(await first.query('select 1 as one')).toEqual([{ one: 1 }]);
    await first.destroy();
    const second = await openDatabase(config());
    await second.destroy();
  });

  it('takes no part of a foreign folder for a database', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'flotilla-foreign-'));
    mkdirSync(join(folder, 'database'));
    writeFileSync(join(folder, 'database', 'letter.txt'), 'dear diary');
    await expect(openDatabase({ databaseUrl: null, dataDir: folder })).rejects.toThrow('holds no database');
    writeFileSync(join(folder, 'database', 'PG_VERSION'), '14\n');
    await expect(openDatabase({ databaseUrl: null, dataDir: folder })).rejects.toThrow('was made by PostgreSQL 14');
    rmSync(folder, { recursive: true, force: true });
  });

  it('rejects what is pending when its thread dies, and starts again with what was committed', async () => {
    const server = new EmbeddedServer(dataDir);
    await server.start();
    const session = server.newSession();
    await server.execute(session, 'create table kept (n int)');
    await server.execute(session, 'insert into kept values (1)');
    await server.execute(session, 'begin');
    await server.execute(session, 'insert into kept values (2)');
    const waiting = server.execute(server.newSession(), 'select 1');
    await terminateThread(server);
    await expect(waiting).rejects.toMatchObject({ code: '57P01' });
    const [result] = await server.execute(session, 'select n from kept');
    expect(result?.rows).toEqual([['1']]);
    await server.close();
  });

  it('ends a transaction that does nothing while others wait', async () => {
    const server = new EmbeddedServer(dataDir, { idleInTransactionMs: 50 });
    await server.start();
    const idle = server.newSession();
    await server.execute(idle, 'begin');
    await server.execute(idle, 'create table half (n int)');
    const [result] = await server.execute(server.newSession(), `select to_regclass('half')`);
    expect(result?.rows).toEqual([[null]]);
    await expect(server.execute(idle, 'insert into half values (1)')).rejects.toMatchObject({ code: '25P03' });
    await server.execute(idle, 'rollback');
    expect(await server.execute(idle, 'select 1')).toMatchObject([{ rows: [['1']] }]);
    await server.close();
  });

  it('keeps the event loop free while it works', async () => {
    const server = new EmbeddedServer(dataDir);
    await server.start();
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    await server.execute(server.newSession(), 'select count(*) from generate_series(1, 3000000)');
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
    await server.close();
  });

  it('cuts the write-ahead log and cleans up dead rows by itself', async () => {
    const server = new EmbeddedServer(dataDir, { maintenanceMs: 50 });
    await server.start();
    const run = async (sql: string) => (await server.execute(server.newSession(), sql))[0]?.rows[0]?.[0];
    await run(`create table busy as select n, repeat('x', 200) as filler from generate_series(1, 20000) n`);
    for (let round = 0; round < 6; round++) await run(`update busy set filler = filler || 'y'`);
    const walBytes = () => run('select pg_wal_lsn_diff(pg_current_wal_lsn(), redo_lsn) from pg_control_checkpoint()');
    await until('there was a checkpoint', async () => Number(await walBytes()) < 48 * 1024 * 1024);
    const dead = () => run(`select n_dead_tup from pg_stat_user_tables where relname = 'busy'`);
    await until('dead rows are gone', async () => Number(await dead()) < 500);
    await server.close();
  });
});

/** A crash of the thread cannot be caused by a statement, so the test reaches for the worker itself. */
async function terminateThread(server: EmbeddedServer): Promise<void> {
  const { worker } = server as unknown as { worker: Promise<{ terminate(): Promise<number> }> };
  await (await worker).terminate();
}
