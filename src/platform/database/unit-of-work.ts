import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable } from '@nestjs/common';
import {
  DataSource,
  type EntityManager,
  type EntityTarget,
  type FindOptionsWhere,
  type ObjectLiteral,
  type Repository,
} from 'typeorm';
import { embeddedServerOf } from './create-data-source.js';
import { EntityReads } from './entity-reads.js';
import { PlainReads } from './plain-reads.js';
import { rowReader, type RowReader } from './row-reader.js';

/** One announced change, written to the outbox in the transaction that made it. */
export interface NewFleetEvent {
  /** `instance.started`, `agent.created` ... */
  readonly type: string;
  readonly orgId: string;
  /** Id of the agent it is about; null for what concerns no agent. */
  readonly agentId: string | null;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One transaction. Rows and outbox events written through it become visible together or not at all. */
export class Tx {
  private readonly announced: string[] = [];

  constructor(
    readonly manager: EntityManager,
    private readonly reads: EntityReads,
  ) {}

  of<T extends ObjectLiteral>(entity: EntityTarget<T>): Repository<T> {
    return this.manager.getRepository(entity);
  }

  /** Reads a row for update: the next writer waits until this transaction ends. */
  async lock<T extends ObjectLiteral>(entity: EntityTarget<T>, where: FindOptionsWhere<T>): Promise<T | null> {
    const read = this.reads.one(entity, where, 'for update');
    if (!read) return this.of(entity).findOne({ where, lock: { mode: 'pessimistic_write' } });
    const [row] = await this.query(read.text, read.values);
    return row ? read.read(row) : null;
  }

  /** One row by plain values of its properties. */
  async one<T extends ObjectLiteral>(entity: EntityTarget<T>, where: FindOptionsWhere<T>): Promise<T | null> {
    const read = this.reads.one(entity, where);
    if (!read) return this.of(entity).findOne({ where });
    const [row] = await this.query(read.text, read.values);
    return row ? read.read(row) : null;
  }

  query<R = Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<R[]> {
    return this.manager.query(sql, [...values]);
  }

  /** Announces a change. The relay publishes it after commit, in order of id. */
  emit(event: NewFleetEvent): Promise<void> {
    const { type, orgId, agentId, data } = event;
    this.announced.push(JSON.stringify({ type, org_id: orgId, agent_id: agentId, data }));
    return Promise.resolve();
  }

  /**
   * Writes the announced events as the last thing before commit. The lock makes ids grow in the order of commits, so
   * that a reader never passes a row that commits late; nothing waits for other rows while it is held.
   */
  async flush(): Promise<void> {
    if (this.announced.length === 0) return;
    await this.query('select pg_advisory_xact_lock($1)', [outboxLock]);
    await this.query(
      `with events as (
         insert into outbox (type, org_id, agent_id, data)
         select event ->> 'type', event ->> 'org_id', event ->> 'agent_id', event -> 'data'
         from jsonb_array_elements($1::jsonb) with ordinality as list (event, place) order by place)
       select pg_notify('flotilla_outbox', '')`,
      [`[${this.announced.splice(0).join()}]`],
    );
  }
}

const outboxLock = 7_301_002;

/** The one way to write. No call leaves the process inside `run`: the embedded database has a single connection. */
@Injectable()
export class UnitOfWork {
  private readonly current = new AsyncLocalStorage<{ open: boolean }>();
  private readonly reads: PlainReads;
  private readonly entities: EntityReads;

  constructor(private readonly source: DataSource) {
    this.reads = new PlainReads(source);
    this.entities = new EntityReads(source);
  }

  /** Nobody but this process can be using the database: what an earlier process left half done is orphaned. */
  get exclusive(): boolean {
    return embeddedServerOf(this.source) !== null;
  }

  async run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    this.refuseInside('another unit of work');
    const state = { open: true };
    try {
      return await this.current.run(state, () =>
        this.source.transaction(async (manager) => {
          const tx = new Tx(manager, this.entities);
          const result = await work(tx);
          await tx.flush();
          return result;
        }),
      );
    } finally {
      state.open = false;
    }
  }

  /** Plain read outside a transaction. Never call it inside `run`. */
  async query<R = Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<R[]> {
    this.refuseInside('a query of its own');
    return PlainReads.takes(sql) ? this.reads.run<R>(sql, values) : this.source.query(sql, [...values]);
  }

  /** As `query`, for a `select` by a unique key: what finds at most one row. */
  async lookUp<R = Record<string, unknown>>(sql: string, values: readonly unknown[]): Promise<R | undefined> {
    this.refuseInside('a look-up of its own');
    return (await this.reads.lookUp<R>(sql, values))[0];
  }

  /** One row by plain values of its properties, which find it by a key: a fraction of what the repository costs. */
  async one<T extends ObjectLiteral>(entity: EntityTarget<T>, where: FindOptionsWhere<T>): Promise<T | null> {
    const read = this.entities.one(entity, where);
    if (!read) return this.of(entity).findOne({ where });
    const row = await this.lookUp(read.text, read.values);
    return row ? read.read(row) : null;
  }

  /** For hot reads: how to select an entity in a query of one's own, and how to read it from a row. */
  reader<T extends ObjectLiteral>(entity: EntityTarget<T> & (new () => T), alias: string): RowReader<T> {
    return rowReader(this.source, entity, alias);
  }

  /** Repository for reads outside a transaction. Never use it inside `run`. */
  of<T extends ObjectLiteral>(entity: EntityTarget<T>): Repository<T> {
    this.refuseInside('a repository of its own');
    return this.source.getRepository(entity);
  }

  /** On one connection it would wait for itself for ever; failing at once shows where, on both databases. */
  private refuseInside(what: string): void {
    if (this.current.getStore()?.open)
      throw new Error(`A unit of work must not start ${what}: use its own tx instead.`);
  }
}
