import type { DataSource } from 'typeorm';
import type { Config } from '../../config/config.js';
import { createDataSource, embeddedServerOf } from './create-data-source.js';
import { DatabaseError, lockFolder } from './folder-lock.js';

const oldestPostgres = 15;
/** Any number: replicas that start together take turns with the migrations. */
const migrationLock = 7_301_001;

/**
 * Opens the database and brings its schema up to date. The data folder stays locked until `destroy()`.
 * Throws `DatabaseError`: one sentence when the database cannot be reached, is too old, or is not ours.
 */
export async function openDatabase(config: Pick<Config, 'databaseUrl' | 'dataDir'>): Promise<DataSource> {
  const source = createDataSource(config);
  if (!embeddedServerOf(source)) unlockOnDestroy(source, lockFolder(config.dataDir));
  try {
    await source.initialize();
    await migrate(source);
    return source;
  } catch (error) {
    await source.destroy().catch(() => undefined);
    throw explained(error);
  }
}

function unlockOnDestroy(source: DataSource, unlock: () => void): void {
  const destroy = source.destroy.bind(source);
  source.destroy = async () => {
    try {
      if (source.isInitialized) await destroy();
    } finally {
      unlock();
    }
  };
}

async function migrate(source: DataSource): Promise<void> {
  const runner = source.createQueryRunner();
  try {
    await runner.connect();
    await runner.query('select pg_advisory_lock($1)', [migrationLock]);
    await checkSchema(source);
    await source.runMigrations({ transaction: 'each' });
    await runner.query('select pg_advisory_unlock($1)', [migrationLock]);
  } finally {
    await runner.release();
  }
}

/** Refuses what running our migrations would damage: an old server, foreign tables, a schema from a newer Flotilla. */
async function checkSchema(source: DataSource): Promise<void> {
  const [{ version } = { version: 0 }] = await source.query<{ version: number }[]>(
    `select current_setting('server_version_num')::int / 10000 as version`,
  );
  if (version < oldestPostgres) {
    throw new DatabaseError(
      `DATABASE_URL leads to PostgreSQL ${version}; Flotilla needs version ${oldestPostgres} or newer.`,
    );
  }
  const tables = await source.query<{ name: string }[]>(
    `select table_name as name from information_schema.tables
     where table_schema = current_schema() and table_type = 'BASE TABLE'`,
  );
  if (tables.length === 0) return;
  if (!tables.some(({ name }) => name === 'flotilla_migrations')) {
    throw new DatabaseError(
      'The database holds tables that are not of Flotilla: give it an empty database of its own.',
    );
  }
  const known = new Set(source.migrations.map((migration) => migration.name ?? migration.constructor.name));
  const applied = await source.query<{ name: string }[]>('select name from flotilla_migrations order by id');
  const unknown = applied.find(({ name }) => !known.has(name));
  if (unknown) {
    throw new DatabaseError(
      `The database was used by a newer Flotilla (it has ${unknown.name}): start that version, or restore a backup from before the upgrade.`,
    );
  }
}

/** The driver's messages name no password; a connection string never gets into one of ours. */
function explained(error: unknown): unknown {
  if (error instanceof DatabaseError) return error;
  const { code, message, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT' || code === 'EAI_AGAIN') {
    const where = address ? ` at ${address}:${String(port)}` : '';
    return new DatabaseError(`No PostgreSQL answers${where}: check DATABASE_URL (${code}).`, { cause: error });
  }
  if (code === '28P01' || code === '28000' || code === '3D000') {
    return new DatabaseError(`PostgreSQL refuses DATABASE_URL: ${message}.`, { cause: error });
  }
  return new DatabaseError(`The database cannot be used: ${message}`, { cause: error });
}
