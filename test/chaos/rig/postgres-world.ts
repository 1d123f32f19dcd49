import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { postgresPrograms, startPostgres } from '../../support/postgres.js';
import { TcpProxy } from './tcp-proxy.js';

/** `describe` where PostgreSQL's programs are installed. */
export const hasPostgres = postgresPrograms() !== null;

/** A PostgreSQL server with an empty database, reached directly and through a fault proxy. */
export async function postgresWorld() {
  const postgres = await startPostgres(postgresPrograms() ?? '');
  const name = `chaos_${randomBytes(4).toString('hex')}`;
  const once = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
    const client = new Client({ connectionString: url });
    await client.connect();
    return client
      .query(sql)
      .then(({ rows }) => rows as Record<string, unknown>[])
      .finally(() => client.end());
  };
  await once(postgres.url, `create database ${name}`);
  const direct = new URL(postgres.url);
  direct.pathname = `/${name}`;
  const proxy = new TcpProxy(direct.hostname, Number(direct.port));
  await proxy.mend();
  const throughProxy = new URL(direct);
  throughProxy.port = String(proxy.port);
  return {
    proxy,
    url: direct.href,
    proxiedUrl: throughProxy.href,
    /** Rows, past the proxy. */
    sql: (text: string) => once(direct.href, text),
    async close(): Promise<void> {
      proxy.cut();
      await postgres.stop();
    },
  };
}

export type PostgresWorld = Awaited<ReturnType<typeof postgresWorld>>;
