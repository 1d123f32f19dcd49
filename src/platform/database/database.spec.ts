import { databaseKinds, type PostgresServer } from '../../../test/support/postgres.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { until } from '../../../test/support/until.js';
import { DatabaseError } from './folder-lock.js';
import { openDatabase } from './open-database.js';

describe.each(databaseKinds)('database: $name', ({ start, skipped }) => {
  if (skipped) {
    it.skip('needs PostgreSQL: apt-get install postgresql', () => undefined);
    return;
  }
  let server: PostgresServer | null;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await start();
    database = await openTestDatabase(server?.url ?? null);
    await database.db.query('create table things (id int primary key, name text unique, data jsonb)');
  });
  afterAll(async () => {
    await database.close();
    await server?.stop();
  });
  beforeEach(() => database.db.query('truncate things'));
  const names = async () =>
    (await database.db.query<{ name: string }>('select name from things order by id')).map(({ name }) => name);

  it('gives the same JavaScript values for the same columns', async () => {
    const [row] = await database.db.query(
      `select 1 as int, 1::bigint as big, 1.50::numeric as num, true as yes, null as nothing, '{"a":[1]}'::jsonb as json,
        '2026-01-02T03:04:05.678Z'::timestamptz as at, array['a','b "c"'] as list, '\\x00ff'::bytea as bytes,
        $1::jsonb as given, $2::text[] as texts, $3::timestamptz as date, $4::bytea as raw, $5::int as number`,
      [{ b: 1 }, ['x', 'y,"z'], new Date(0), Buffer.from([1, 2]), 7],
    );
    expect(row).toEqual({
      int: 1,
      big: '1',
      num: '1.50',
      yes: true,
      nothing: null,
      json: { a: [1] },
      at: new Date('2026-01-02T03:04:05.678Z'),
      list: ['a', 'b "c"'],
      bytes: Buffer.from([0, 255]),
      given: { b: 1 },
      texts: ['x', 'y,"z'],
      date: new Date(0),
      raw: Buffer.from([1, 2]),
      number: 7,
    });
  });

  it('gives rows and count of an update, also behind a common table expression', async () => {
    await database.db.query(`insert into things values (1, 'a'), (2, 'b')`);
    expect(await database.db.query('update things set name = name returning id')).toEqual([[{ id: 1 }, { id: 2 }], 2]);
    expect(await database.db.query('with x as (select 1) delete from things where id = 1')).toEqual([[], 1]);
  });

  it('gives what is there now to a read that comes again and again, also when its table has changed', async () => {
    const read = () => database.db.query('select * from things where id = $1', [1]);
    for (let round = 1; round <= 5; round += 1) {
      await database.db.query('insert into things values (1, $1)', [`n${round}`]);
      expect(await read()).toEqual([{ id: 1, name: `n${round}`, data: null }]);
      await expect(database.db.query('select name from things where id = $1', ['x'])).rejects.toMatchObject({
        code: '22P02',
      });
      await database.db.query('truncate things');
    }
    await database.db.query('alter table things add column more text');
    await database.db.query(`insert into things values (1, 'a', null, 'b')`);
    expect(await Promise.all([read(), read(), read()])).toEqual(
      Array.from({ length: 3 }, () => [{ id: 1, name: 'a', data: null, more: 'b' }]),
    );
    await database.db.query('alter table things drop column more');
    expect(await read()).toEqual([{ id: 1, name: 'a', data: null }]);
  });

  it('answers look-ups that come at once, each with its own row or its own error', async () => {
    await database.db.query(`insert into things select n, 'n' || n from generate_series(1, 300) n`);
    const one = (id: unknown) => database.db.lookUp('select name from things where id = $1', [id]);
    for (let round = 0; round < 3; round += 1) {
      const all = Array.from({ length: 300 }, (_, index) =>
        index % 50 === 7
          ? expect(one('no number')).rejects.toMatchObject({ code: '22P02' })
          : expect(one(index + 1)).resolves.toEqual({ name: `n${index + 1}` }),
      );
      await Promise.all(all);
      expect(await one(301)).toBeUndefined();
    }
    await expect(database.db.run(() => one(1))).rejects.toThrow('must not start a look-up');
  });

  it('shows a look-up what was stored a moment ago', async () => {
    await database.db.query(`insert into things values (1, 'n0')`);
    const name = () => database.db.lookUp<{ name: string }>('select name from things where id = $1', [1]);
    for (let round = 1; round <= 30; round += 1) {
      await database.db.run((tx) => tx.query('update things set name = $1 where id = 1', [`n${round}`]));
      expect(await Promise.all([name(), name()])).toEqual([{ name: `n${round}` }, { name: `n${round}` }]);
    }
    await database.db.query('alter table things alter column name type varchar(9)');
    expect(await Promise.all([name(), name(), name()])).toEqual(Array(3).fill({ name: 'n30' }));
    await database.db.query('alter table things alter column name type text');
  });

  it('rolls a failed unit of work back', async () => {
    const work = database.db.run(async (tx) => {
      await tx.query(`insert into things values (1, 'a')`);
      throw new Error('changed my mind');
    });
    await expect(work).rejects.toThrow('changed my mind');
    expect(await names()).toEqual([]);
  });

  it('keeps working after a failed statement, inside a transaction and outside', async () => {
    await database.db.query(`insert into things values (1, 'a')`);
    for (let round = 0; round < 3; round++) {
      await expect(database.db.query('insert into things values ($1, $2)', [1, 'b'])).rejects.toMatchObject({
        code: '23505',
        constraint: 'things_pkey',
        table: 'things',
      });
      expect(await names()).toEqual(['a']);
      await expect(database.db.run((tx) => tx.query('select $1::int', ['no number']))).rejects.toMatchObject({
        code: '22P02',
      });
    }
    await database.db.run((tx) => tx.query(`insert into things values (2, 'b')`));
    expect(await names()).toEqual(['a', 'b']);
  });

  it('rolls back when a connection is given back with an open transaction', async () => {
    const runner = database.source.createQueryRunner();
    await runner.startTransaction();
    await runner.query(`insert into things values (1, 'a')`);
    await runner.release();
    // A pool would hand the same connection to the next caller.
    expect(await until('the rows are gone', async () => (await names()).length === 0)).toBe(true);
    await database.db.run((tx) => tx.query(`insert into things values (1, 'b')`));
    expect(await names()).toEqual(['b']);
  });

  it('runs units of work that come at once without mixing them', async () => {
    await Promise.all(
      Array.from({ length: 25 }, (_, id) =>
        database.db.run(async (tx) => {
          await tx.query('insert into things values ($1, $2)', [id, `n${id}`]);
          const [row] = await tx.query<{ count: string }>('select count(*) from things where id = $1', [id]);
          if (id % 5 === 0) throw new Error('every fifth fails');
          return row;
        }),
      ).map((work) => work.catch(() => undefined)),
    );
    expect(await names()).toHaveLength(20);
  });

  it('refuses a unit of work, a query or a repository inside a unit of work', async () => {
    const { db } = database;
    await expect(db.run(() => db.run(() => Promise.resolve()))).rejects.toThrow('must not start another unit of work');
    await expect(db.run(() => db.query('select 1'))).rejects.toThrow('must not start a query');
    await expect(db.run(() => Promise.resolve(db.of('Setting')))).rejects.toThrow('must not start a repository');
    expect(await db.query('select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('delivers notifications after commit, and none of a rolled back transaction', async () => {
    const heard: string[] = [];
    const stop = await database.notifications.listen('flotilla_test', (payload) => heard.push(payload));
    const send = (payload: string, fails = false) =>
      database.db
        .run(async (tx) => {
          await tx.query(`select pg_notify('flotilla_test', $1)`, [payload]);
          if (fails) throw new Error('rolled back');
        })
        .catch(() => undefined);
    await send('one');
    await send('lost', true);
    await send('two');
    await until('both were heard', () => heard.includes('two'));
    expect(heard.filter(Boolean)).toEqual(['one', 'two']);
    stop();
  });

  it('refuses a database of a newer version and one that is not ours', async () => {
    const { config } = database;
    await database.db.query(`insert into flotilla_migrations (timestamp, name) values (9, 'FromTheFuture9')`);
    await database.source.destroy();
    await expect(openDatabase(config)).rejects.toThrow(/newer Flotilla \(it has FromTheFuture9\)/);
    await expect(openDatabase(config)).rejects.toThrow(DatabaseError);
    await database.source.initialize();
    await database.db.query('drop table flotilla_migrations');
    await database.source.destroy();
    await expect(openDatabase(config)).rejects.toThrow(/tables that are not of Flotilla/);
  });
});
