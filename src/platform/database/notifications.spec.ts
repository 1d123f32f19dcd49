import { Logger } from '@nestjs/common';
import { openTestDatabase } from '../../../test/support/database.js';
import { postgresPrograms, startPostgres } from '../../../test/support/postgres.js';
import { until } from '../../../test/support/until.js';

const programs = postgresPrograms();
const describeWithPostgres = programs ? describe : describe.skip;

describeWithPostgres('a lost connection to PostgreSQL', () => {
  it('is made again, for statements and for notifications', async () => {
    Logger.overrideLogger(false); // the loss is what is tested here
    const server = await startPostgres(programs ?? '');
    const database = await openTestDatabase(server.url);
    const heard: string[] = [];
    await database.notifications.listen('flotilla_test', (payload) => heard.push(payload));

    await database.db
      .query(
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
      )
      .catch(() => undefined);
    // An empty payload says: connected again, look for yourself.
    await until('it listens again', () => heard.includes(''));
    await database.db.query(`select pg_notify('flotilla_test', 'after')`);
    await until('it hears again', () => heard.includes('after'));

    await database.close();
    await server.stop();
  });
});
