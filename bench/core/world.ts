import { type PostgresServer, postgresPrograms, startPostgres } from '../../test/support/postgres.js';
import { dialects, managing } from '../dialects/index.js';
import { Client, type Manager, Product, type ProductOptions } from './product.js';

export interface Kind {
  readonly engine: 'local' | 'docker';
  readonly database: 'embedded' | 'postgres';
}

/** What benchmarks share: products that run, and the PostgreSQL server. All of it ends with `close`. */
export class World {
  readonly dialects = dialects;
  private readonly running = new Map<string, Promise<Product>>();
  private postgres: Promise<PostgresServer> | null = null;
  private readonly endings: (() => Promise<void>)[] = [];
  private readonly started: Product[] = [];

  constructor(
    /** Folder of the build. */
    readonly dist: string,
    /** Where products leave CPU profiles; null: they are not profiled. */
    readonly profileTo: string | null = null,
  ) {}

  get databases(): readonly Kind['database'][] {
    return this.hasPostgres ? ['postgres', 'embedded'] : ['embedded'];
  }

  get hasPostgres(): boolean {
    return postgresPrograms() !== null;
  }

  /** A fresh database on the one PostgreSQL server. */
  async databaseUrl(): Promise<string> {
    const programs = postgresPrograms();
    if (programs === null) throw new Error('PostgreSQL is not installed');
    this.postgres ??= startPostgres(programs);
    const { url } = await this.postgres;
    const name = `bench_${Date.now().toString(36)}_${this.running.size}`;
    const { Client: Pg } = await import('pg');
    const client = new Pg({ connectionString: url });
    await client.connect();
    await client.query(`create database ${name}`);
    await client.end();
    return url.replace(/\/postgres$/, `/${name}`);
  }

  /** Does something when all benchmarks are over, the newest first. */
  atEnd(ending: () => Promise<void>): void {
    this.endings.push(ending);
  }

  /** A product of its own, to be ended by the caller. */
  async fresh({ engine, database }: Kind, dataDir?: string): Promise<Product> {
    const databaseUrl = database === 'postgres' ? await this.databaseUrl() : null;
    return this.start({ engine, databaseUrl, ...(dataDir === undefined ? {} : { dataDir }) });
  }

  /** A product of its own on a database that the benchmark looks into as well; local engine. */
  productOn(databaseUrl: string): Promise<Product> {
    return this.start({ engine: 'local', databaseUrl });
  }

  /** Whatever was started ends with the run, also when a benchmark failed before it could end it. */
  async start(options: Omit<ProductOptions, 'dist' | 'profileTo'>): Promise<Product> {
    const product = await Product.start({ dist: this.dist, profileTo: this.profileTo, ...options });
    this.started.push(product);
    return product;
  }

  /** A product that benchmarks with the same `use` share, and that ends with the run. */
  product(kind: Kind, use = ''): Promise<Product> {
    const key = `${kind.engine} ${kind.database} ${use}`;
    const known = this.running.get(key);
    if (known) return known;
    const started = this.fresh(kind);
    this.running.set(key, started);
    return started;
  }

  /** Ends a shared product before the run is over, so that it disturbs no other benchmark. */
  async release(kind: Kind, use = ''): Promise<void> {
    const key = `${kind.engine} ${kind.database} ${use}`;
    const known = this.running.get(key);
    this.running.delete(key);
    await (await known)?.end();
  }

  async client(kind: Kind, use = ''): Promise<Manager> {
    return Client.of(await this.product(kind, use), managing);
  }

  async close(): Promise<void> {
    for (const ending of this.endings.reverse()) await ending().catch(complain);
    for (const product of this.started) {
      await product.end().catch(complain);
      product.forget(); // also a folder that was to be kept: the run may have been broken off
    }
    await (await this.postgres)?.stop();
  }
}

const complain = (error: unknown): void => {
  process.stderr.write(`clean-up: ${error instanceof Error ? error.message : String(error)}\n`);
};
