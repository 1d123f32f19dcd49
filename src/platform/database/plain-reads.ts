import { type DataSource, QueryFailedError } from 'typeorm';

interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  /** Kept by the connection under this name: planned once, then only run. */
  readonly name?: string;
}

interface Client {
  query(statement: Statement): Promise<{ readonly rows: unknown[] }>;
}

interface Pool {
  connect(done: (error: Error | null, client?: Client, release?: () => void) => void): void;
  /** Only a server's: many look-ups at once over one connection. */
  lookUp?(statement: Statement): Promise<{ readonly rows: unknown[] }>;
}
type Send = (pool: Pool, statement: Statement) => Promise<{ readonly rows: unknown[] }>;

/** Texts that are kept by name, and texts that are remembered until one comes again. */
const most = { kept: 200, seen: 1000 };
/** "cached plan must not change result type": a table was changed while its reads were kept; or the statement is gone. */
const preparedIsOld = new Set<unknown>(['0A000', '26000']);

/**
 * Reads that go to the driver's pool at once: TypeORM's own way costs as much CPU again. What comes again is prepared by
 * name, because parsing and planning are most of what a small read costs. Plans are made anew every few seconds (see the
 * drivers): one that was kept would stay what it was while a table grows from ten rows to ten thousand.
 */
export class PlainReads {
  private readonly kept = new Map<string, string>();
  private readonly seen = new Set<string>();
  private last = 0;

  constructor(private readonly source: DataSource) {}

  /** Only what begins with `select` may go this way: for everything else TypeORM shapes the result. */
  static takes(sql: string): boolean {
    return /^\s*select\b/i.test(sql);
  }

  /** Rows of one select. Fails as a query of TypeORM fails. */
  run<R>(text: string, values: readonly unknown[]): Promise<R[]> {
    return this.read(text, values, overConnection);
  }

  /** The same for a select that finds its row by a key, so that it is quick. */
  lookUp<R>(text: string, values: readonly unknown[]): Promise<R[]> {
    return this.read(text, values, overShared);
  }

  private async read<R>(text: string, values: readonly unknown[], send: Send): Promise<R[]> {
    // What TypeORM's type of a driver does not name: the pool it was given.
    const { master } = this.source.driver as unknown as { readonly master?: Pool };
    if (!master) throw new Error('Driver not Connected');
    const name = this.nameOf(text);
    try {
      const statement = name === undefined ? { text, values } : { text, values, name };
      return (await send(master, statement)).rows as R[];
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      if (name === undefined || !('code' in failure) || !preparedIsOld.has(failure.code)) {
        throw new QueryFailedError(text, [...values], failure);
      }
      if (this.kept.get(text) === name) this.kept.delete(text);
      return this.read(text, values, send);
    }
  }

  /** undefined: it has not come often enough, or there are too many already. */
  private nameOf(text: string): string | undefined {
    const known = this.kept.get(text);
    if (known !== undefined || this.kept.size >= most.kept) return known;
    if (!this.seen.delete(text)) {
      if (this.seen.size >= most.seen) this.seen.clear();
      this.seen.add(text);
      return undefined;
    }
    const name = `read_${++this.last}`;
    this.kept.set(text, name);
    return name;
  }
}

const overConnection: Send = (pool, statement) =>
  new Promise((resolve, reject) => {
    pool.connect((error, client, release) => {
      if (error || !client) return reject(error ?? new Error('The pool gave no connection'));
      client
        .query(statement)
        .then(resolve, reject)
        .finally(() => release?.());
    });
  });

const overShared: Send = (pool, statement) => pool.lookUp?.(statement) ?? overConnection(pool, statement);
