import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { postgresPrograms, startPostgres, type PostgresServer } from '../../../test/support/postgres.js';
import { until } from '../../../test/support/until.js';
import type { Config } from '../../config/config.js';
import { Leadership, type LedWork } from './leadership.service.js';

/** Work that writes down what it is told. */
class Diary implements LedWork {
  readonly lines: string[] = [];
  begin(): void {
    this.lines.push('begin');
  }
  end(): void {
    this.lines.push('end');
  }
  wake(id: string): void {
    this.lines.push(`wake ${id}`);
  }
  sweep(): Promise<void> {
    this.lines.push('sweep');
    return Promise.resolve();
  }
}

describe('with the embedded database', () => {
  it('leads from the start and asks nobody', async () => {
    const { db, notifications, config, close } = await openTestDatabase(null);
    const diary = new Diary();
    const only = new Leadership(db, notifications, new ManualClock(), config as Config);
    only.add('diary', diary);
    await only.start();
    await only.wake('diary', 'x');
    await only.beforeApplicationShutdown();

    expect(only.leading).toBe(true);
    expect(diary.lines).toEqual(['wake x']);
    expect(await db.query('select * from leases')).toEqual([]);
    await close();
  });
});

const describeOnPostgres = postgresPrograms() === null ? describe.skip : describe;
describeOnPostgres('with several servers on one PostgreSQL', () => {
  let postgres: PostgresServer;
  let database: TestDatabase;
  const folders: string[] = [];
  const opened: Leadership[] = [];

  beforeAll(async () => {
    postgres = await startPostgres(postgresPrograms() ?? '');
  });
  afterAll(() => postgres.stop());
  beforeEach(async () => {
    database = await openTestDatabase(postgres.url);
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.beforeApplicationShutdown();
    await database.close();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  const folder = (): string => {
    const made = mkdtempSync(join(tmpdir(), 'flotilla-lead-'));
    folders.push(made);
    return made;
  };
  async function server(dataDir = folder()) {
    const clock = new ManualClock();
    const diary = new Diary();
    const { db, notifications } = database;
    const leadership = new Leadership(db, notifications, clock, { dataDir } as Config);
    leadership.add('diary', diary);
    await leadership.start();
    opened.push(leadership);
    return { leadership, clock, diary, dataDir };
  }
  const holder = async (): Promise<string> => {
    const [row] = await database.db.query<{ holder: string }>('select holder from leases');
    return row?.holder ?? '';
  };
  const expire = () => database.db.query(`update leases set until = clock_timestamp() - interval '1 second'`);

  it('lets one lead, and wakes it for the others', async () => {
    const first = await server();
    const second = await server();

    expect([first.leadership.leading, second.leadership.leading]).toEqual([true, false]);
    await second.leadership.wake('diary', 'instance-1');
    await until('the leader is woken', () => first.diary.lines.includes('wake instance-1'));
    expect(second.diary.lines).toEqual([]);
  });

  it('hands over at once when the leader stops', async () => {
    const first = await server();
    const second = await server();

    await first.leadership.beforeApplicationShutdown();
    await until('the other leads', () => second.leadership.leading);
    expect(first.diary.lines).toEqual(['end']);
    expect(second.diary.lines).toEqual(['begin']);
  });

  it('is taken over when the lease has run out, and the old leader steps back as soon as it asks', async () => {
    const first = await server();
    const second = await server();

    await expire();
    second.clock.advance(1000);
    await until('the other leads', () => second.leadership.leading);
    first.clock.advance(1500);
    await until('the first steps back', () => !first.leadership.leading);
    expect(first.diary.lines).toEqual(['end']);
  });

  it('stops its work before the lease runs out when the database says nothing', async () => {
    const first = await server();
    const query = jest.spyOn(database.db, 'query').mockImplementation(() => new Promise(() => undefined));

    first.clock.advance(3900);
    expect(first.leadership.leading).toBe(true);
    first.clock.advance(200);
    expect(first.leadership.leading).toBe(false);
    expect(first.diary.lines).toEqual(['end']);
    query.mockRestore();
  });

  it('finds its own lease again after it was killed, but not that of a copied folder', async () => {
    const killed = await server();
    const before = await holder();
    const again = await server(killed.dataDir);

    expect(again.leadership.leading).toBe(true);
    expect(await holder()).not.toBe(before);
    expect((await server()).leadership.leading).toBe(false);
  });

  it('looks for what waits while it leads', async () => {
    const first = await server();
    await until('it swept', async () => {
      first.clock.advance(50);
      await holder();
      return first.diary.lines.includes('sweep');
    });
    expect(first.leadership.leading).toBe(true);
  });
});
