import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import type { Config } from '../../src/config/config.js';
import { Secret } from '../../src/core/credentials/secret.js';
import { embeddedServerOf } from '../../src/platform/database/create-data-source.js';
import { Notifications } from '../../src/platform/database/notifications.js';
import { openDatabase } from '../../src/platform/database/open-database.js';
import { UnitOfWork } from '../../src/platform/database/unit-of-work.js';

const root = join(__dirname, '..', '..');

export interface TestDatabase {
  readonly config: Pick<Config, 'databaseUrl' | 'dataDir'>;
  readonly source: DataSource;
  readonly db: UnitOfWork;
  readonly notifications: Notifications;
  /** Closes it and removes it without a trace. */
  close(): Promise<void>;
}

/** Creates an empty database on a PostgreSQL server and says how to reach and how to drop it. */
async function createOn(serverUrl: string): Promise<{ databaseUrl: Secret; drop: () => Promise<void> }> {
  const name = `flotilla_test_${randomBytes(6).toString('hex')}`;
  const once = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: serverUrl });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await once(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { databaseUrl: new Secret(url.href), drop: () => once(`drop database ${name} with (force)`) };
}

/**
 * A data folder that already holds a migrated, empty embedded database: a copy of one made once per state of the
 * migrations, because initdb takes seconds. Returns the folder; the caller removes it.
 */
export async function makeDataDir(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'flotilla-test-'));
  cpSync(join(await template(), 'database'), join(dataDir, 'database'), { recursive: true });
  return dataDir;
}

/** A migrated, empty database of its own: on the server of `serverUrl`, else embedded. */
export async function openTestDatabase(
  serverUrl: string | null | undefined = process.env.FLOTILLA_TEST_DATABASE_URL,
): Promise<TestDatabase> {
  const created = serverUrl ? await createOn(serverUrl) : null;
  const dataDir = created ? mkdtempSync(join(tmpdir(), 'flotilla-test-')) : await makeDataDir();
  const config = { databaseUrl: created?.databaseUrl ?? null, dataDir };
  const source = await openDatabase(config);
  const notifications = new Notifications(config, embeddedServerOf(source));
  return {
    config,
    source,
    db: new UnitOfWork(source),
    notifications,
    async close() {
      await notifications.close();
      if (source.isInitialized) await source.destroy();
      await created?.drop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

async function template(): Promise<string> {
  const folder = join(root, 'src', 'migrations');
  const hash = createHash('sha256');
  for (const file of readdirSync(folder).sort()) hash.update(file).update(readFileSync(join(folder, file)));
  for (const file of ['src/platform/database/migrations.ts', 'node_modules/@electric-sql/pglite/package.json']) {
    hash.update(readFileSync(join(root, file)));
  }
  const cache = join(root, 'node_modules', '.cache', 'flotilla');
  const made = join(cache, `database-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(made)) return made;

  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, 'draft-'));
  const source = await openDatabase({ databaseUrl: null, dataDir: draft });
  await source.destroy();
  try {
    renameSync(draft, made);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(made)) throw error; // another worker was faster
  }
  return made;
}
