import pg from 'pg';
import { SharedConnection } from './shared-connection.js';

/** How long a connection keeps its plans: tables grow, and a plan for ten rows is bad for ten thousand. */
const planLifeMs = 10_000;

/** pg's pool hands a connection on as it was given back; with an open transaction the next caller would inherit it. */
class TidyPool extends pg.Pool {
  private readonly planned = new WeakMap<pg.PoolClient, number>();
  private readonly shared: SharedConnection;
  private sharedPlanned = performance.now();

  constructor(options: pg.PoolConfig = {}) {
    super(options);
    this.shared = new SharedConnection(options);
    this.on('release', (_error, client) => {
      // Queued on the connection before anything its next user sends.
      if (client.getTransactionStatus() !== 'I') client.query('rollback').catch(() => undefined);
    });
    this.on('connect', (client) => this.planned.set(client, performance.now()));
    this.on('acquire', (client) => {
      if (performance.now() - (this.planned.get(client) ?? 0) < planLifeMs) return;
      this.planned.set(client, performance.now());
      client.query(forgetPlans).catch(() => undefined);
    });
  }

  /** A select that finds its row by a key: it shares one connection with others that come at the same time. */
  lookUp(statement: pg.QueryConfig<unknown[]>): Promise<pg.QueryResult> {
    if (performance.now() - this.sharedPlanned >= planLifeMs) {
      this.sharedPlanned = performance.now();
      this.shared.query({ text: forgetPlans }).catch(() => undefined);
    }
    return this.shared.query(statement);
  }

  override end(done?: () => void): Promise<void> {
    const ended = Promise.all([this.shared.end(), super.end()]).then(() => undefined);
    if (done) ended.then(done, done);
    return ended;
  }
}

/** Statements that were prepared stay; they are planned anew when they come again. */
const forgetPlans = 'discard plans';

/** What TypeORM's `driver` option takes: pg with a pool that rolls back what was left open. */
export const remoteDriver: object = { types: pg.types, defaults: pg.defaults, Client: pg.Client, Pool: TidyPool };
