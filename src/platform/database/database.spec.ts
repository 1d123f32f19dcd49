import { openTestDatabase } from '../../../test/support/database.js';
it('opens', async () => {
  let t = performance.now();
  const a = await openTestDatabase();
  console.log('first', performance.now() - t);
  t = performance.now();
  const b = await openTestDatabase();
  console.log('second', performance.now() - t);
  console.log(
    await a.db.query('select 1::bigint as x, now() as t, $1::jsonb as j, array[1,2] as arr, $2::text[] as ta', [
      JSON.stringify({ a: 1 }),
      ['x', 'y"z'],
    ]),
  );
  await a.db.run((tx) => tx.emit({ type: 'x', orgId: 'o', agentId: null, data: { a: [1] } }));
  console.log(await a.db.query('select * from outbox'));
  const log = await a.source.driver.createSchemaBuilder().log();
  console.log(log.upQueries);
  t = performance.now();
  await a.close();
  await b.close();
  console.log('close', performance.now() - t);
});
