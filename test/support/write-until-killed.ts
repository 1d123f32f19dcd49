import 'reflect-metadata';
import { writeSync } from 'node:fs';
import { openDatabase } from '../../src/platform/database/open-database.js';
import { UnitOfWork } from '../../src/platform/database/unit-of-work.js';

/** Writes numbered pairs of rows for ever, one pair per transaction, and prints a number once its commit is acknowledged. */
async function main(dataDir: string): Promise<void> {
  const db = new UnitOfWork(await openDatabase({ databaseUrl: null, dataDir }));
  await db.query('create table if not exists left_rows (n int primary key, filler text)');
  await db.query('create table if not exists right_rows (n int primary key)');
  const [{ last } = { last: 0 }] = await db.query<{ last: number }>(
    'select coalesce(max(n), 0) as last from left_rows',
  );
  writeSync(1, 'open\n');
  for (let n = last + 1; ; n++) {
    await db.run(async (tx) => {
      await tx.query('insert into left_rows values ($1, $2)', [n, 'x'.repeat(300)]);
      await tx.query('insert into right_rows values ($1)', [n]);
    });
    writeSync(1, `${n}\n`);
  }
}

void main(process.argv[2] ?? '');
