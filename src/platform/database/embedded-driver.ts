import { EventEmitter } from 'node:events';
import { types } from 'pg';
import { prepareValue } from 'pg/lib/utils.js';
import type { EmbeddedServer, RawResult } from './embedded-server.js';

/** A result in pg's shape. */
export interface QueryResult {
  readonly rows: Record<string, unknown>[];
  readonly rowCount: number | null;
  readonly command: string | undefined;
  readonly fields: RawResult['fields'];
}

type Callback<T> = (error: Error | null, value?: T) => void;
type Statement = string | { readonly text: string; readonly values?: readonly unknown[]; readonly name?: string };
type Release = (error?: unknown) => void;

/** The part of pg's `Client` that TypeORM uses. Everything it does belongs to one session of the embedded server. */
export class EmbeddedClient extends EventEmitter {
  private readonly session: number;

  constructor(private readonly server: EmbeddedServer) {
    super();
    this.session = server.newSession();
  }

  query(statement: Statement, values?: readonly unknown[] | Callback<QueryResult>, callback?: Callback<QueryResult>) {
    const done = typeof values === 'function' ? values : callback;
    const given = typeof values === 'function' ? undefined : values;
    const result =
      typeof statement === 'string' ? this.execute(statement, given) : this.execute(statement.text, statement.values);
    if (!done) return result;
    settle(result, done);
    return undefined;
  }

  /** Ends the use of this client; an open transaction is rolled back. */
  async release(): Promise<void> {
    await this.server.release(this.session).catch(() => undefined);
  }

  private async execute(sql: string, values: readonly unknown[] = []): Promise<QueryResult> {
    const results = await this.server.execute(this.session, sql, values.map(prepareValue));
    const shaped = results.map(toQueryResult);
    const [only] = shaped;
    // pg answers several statements with a list as well; its types do not say so either.
    return shaped.length === 1 && only ? only : (shaped as unknown as QueryResult);
  }
}

/** The part of pg's `Pool` that TypeORM uses. */
export class EmbeddedPool extends EventEmitter {
  constructor(private readonly server: EmbeddedServer) {
    super();
  }

  connect(callback: (error: Error | null, client?: EmbeddedClient, release?: Release) => void): void {
    this.server.start().then(
      () => {
        const client = new EmbeddedClient(this.server);
        callback(null, client, () => void client.release());
      },
      (error: unknown) => callback(asError(error)),
    );
  }

  end(callback: Callback<void>): void {
    settle(this.server.close(), callback);
  }
}

/** What TypeORM's `driver` option takes instead of the `pg` package. */
export function embeddedDriver(server: EmbeddedServer): object {
  return {
    types,
    Pool: class extends EmbeddedPool {
      constructor() {
        super(server);
      }
    },
  };
}

function toQueryResult({ rows, rowCount, command, fields }: RawResult): QueryResult {
  const parsers = fields.map(({ dataTypeID }) => parserOf(dataTypeID));
  const shaped = rows.map((row) => {
    const shapedRow: Record<string, unknown> = {};
    fields.forEach(({ name }, column) => {
      const text = row[column] ?? null;
      shapedRow[name] = text === null ? null : parsers[column]?.(text);
    });
    return shapedRow;
  });
  return { rows: shaped, rowCount, command, fields };
}

const parserOf = (oid: number): ((text: string) => unknown) =>
  (types as { getTypeParser(oid: number, format: 'text'): (text: string) => unknown }).getTypeParser(oid, 'text');

function settle<T>(promise: Promise<T>, callback: Callback<T>): void {
  promise.then(
    (value) => callback(null, value),
    (error: unknown) => callback(asError(error)),
  );
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
