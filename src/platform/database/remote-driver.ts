import pg from 'pg';

/** pg's pool hands a connection on as it was given back; with an open transaction the next caller would inherit it. */
class TidyPool extends pg.Pool {
  constructor(options?: pg.PoolConfig) {
    super(options);
    this.on('release', (_error, client) => {
      // Queued on the connection before anything its next user sends.
      if (client.getTransactionStatus() !== 'I') client.query('rollback').catch(() => undefined);
    });
  }
}

/** What TypeORM's `driver` option takes: pg with a pool that rolls back what was left open. */
export const remoteDriver: object = { types: pg.types, defaults: pg.defaults, Client: pg.Client, Pool: TidyPool };
