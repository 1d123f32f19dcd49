import { type DataSource, QueryFailedError } from 'typeorm';
import { embeddedServerOf } from './create-data-source.js';

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
}

/** Texts that are kept by name, and texts that are remembered until one comes again. */
const most = { kept: 200, seen: 1000 };
/** "cached plan must not change result type": a table was changed while its reads were kept. */
const planIsOld = '0A000';

/**
 * Reads that go to the driver's pool at once: TypeORM's own way costs as much CPU again. What comes again is prepared by
 * name on the embedded database, where planning is most of what a read costs. A PostgreSQL server plans each time: a kept
 * plan would stay what it was while a table grows from ten rows to ten thousand, also that of a look-up by key.
 */
export class PlainReads {
  private readonly kept = new Map<string, string>();
  private readonly seen = new Set<string>();
  private last = 0;

  private readonly keeps: boolean;

  constructor(private readonly source: DataSource) {
    this.keeps = embeddedServerOf(source) !== null;
  }

  /** Only what begins with `select` may go this way: for everything else TypeORM shapes the result. */
  static takes(sql: string): boolean {
    return /^\s*select\b/i.test(sql);
  }

  /** Rows of one select. Fails as a query of TypeORM fails. */
  async run<R>(text: string, values: readonly unknown[]): Promise<R[]> {
    const name = this.keeps ? this.nameOf(text) : undefined;
    try {
      if (name === undefined) return await this.send<R>({ text, values });
      return await this.send<R>({ text, values, name });
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      if (name === undefined || !('code' in failure) || failure.code !== planIsOld) {
        throw new QueryFailedError(text, [...values], failure);
      }
      this.kept.delete(text);
      return this.run(text, values);
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

  private send<R>(statement: Statement): Promise<R[]> {
    // What TypeORM's type of a driver does not name: the pool it was given.
    const { master } = this.source.driver as unknown as { readonly master?: Pool };
    if (!master) return Promise.reject(new Error('Driver not Connected'));
    return new Promise((resolve, reject) => {
      master.connect((error, client, release) => {
        if (error || !client) return reject(error ?? new Error('The pool gave no connection'));
        client
          .query(statement)
          .then(({ rows }) => resolve(rows as R[]), reject)
          .finally(() => release?.());
      });
    });
  }
}
