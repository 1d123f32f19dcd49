import { DataSource } from 'typeorm';
import type { Config } from '../../config/config.js';
import { embeddedDriver } from './embedded-driver.js';
import { serverFor } from './early-server.js';
import type { EmbeddedServer } from './embedded-server.js';
import { entities } from './entities.js';
import { migrations } from './migrations.js';
import { remoteDriver } from './remote-driver.js';
import { SnakeNaming } from './snake-naming.js';

type DatabaseConfig = Pick<Config, 'databaseUrl' | 'dataDir'>;

const embedded = new WeakMap<DataSource, EmbeddedServer>();

/**
 * The one description of the database: PostgreSQL where `DATABASE_URL` is set, else the embedded one in the data folder.
 * Nothing is opened before `initialize()`, which throws `DatabaseError` or the driver's own error.
 */
export function createDataSource(config: DatabaseConfig): DataSource {
  const server = config.databaseUrl ? null : serverFor(config.dataDir);
  const source = new DataSource({
    type: 'postgres',
    entities,
    migrations,
    migrationsTableName: 'flotilla_migrations',
    migrationsTransactionMode: 'each',
    namingStrategy: new SnakeNaming(),
    installExtensions: false,
    uuidExtension: 'pgcrypto',
    applicationName: 'flotilla',
    ...(server ? { driver: embeddedDriver(server) } : remote(config.databaseUrl?.reveal() ?? '')),
  });
  if (server) embedded.set(source, server);
  return source;
}

/** The embedded server behind a data source, or null when it talks to a PostgreSQL server. */
export const embeddedServerOf = (source: DataSource): EmbeddedServer | null => embedded.get(source) ?? null;

function remote(url: string) {
  return {
    driver: remoteDriver,
    url,
    poolSize: 10,
    connectTimeoutMS: 10_000,
    // The driver's own ten seconds make whoever calls now and then pay for a new connection each time.
    extra: { keepAlive: true, idle_in_transaction_session_timeout: 60_000, idleTimeoutMillis: 120_000 },
  };
}
