import { Injectable } from '@nestjs/common';
import {
  DataSource,
  type EntityManager,
  type EntityTarget,
  type FindOptionsWhere,
  type ObjectLiteral,
  type Repository,
} from 'typeorm';

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
  private notified = false;

  constructor(readonly manager: EntityManager) {}

  of<T extends ObjectLiteral>(entity: EntityTarget<T>): Repository<T> {
    return this.manager.getRepository(entity);
  }

  /** Reads a row for update: the next writer waits until this transaction ends. */
  lock<T extends ObjectLiteral>(entity: EntityTarget<T>, where: FindOptionsWhere<T>): Promise<T | null> {
    return this.of(entity).findOne({ where, lock: { mode: 'pessimistic_write' } });
  }

  query<R = Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<R[]> {
    return this.manager.query(sql, [...values]);
  }

  /** Announces a change. The relay publishes it after commit, in order of id. */
  async emit(event: NewFleetEvent): Promise<void> {
    await this.query('insert into outbox (type, org_id, agent_id, data) values ($1, $2, $3, $4)', [
      event.type,
      event.orgId,
      event.agentId,
      JSON.stringify(event.data),
    ]);
    if (this.notified) return;
    this.notified = true;
    await this.query(`select pg_notify('flotilla_outbox', '')`);
  }
}

/** The one way to write. No call leaves the process inside `run`: the embedded database has a single connection. */
@Injectable()
export class UnitOfWork {
  constructor(private readonly source: DataSource) {}

  run<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.source.transaction((manager) => work(new Tx(manager)));
  }

  /** Plain read outside a transaction. Never call it inside `run`. */
  query<R = Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<R[]> {
    return this.source.query(sql, [...values]);
  }

  /** Repository for reads outside a transaction. */
  of<T extends ObjectLiteral>(entity: EntityTarget<T>): Repository<T> {
    return this.source.getRepository(entity);
  }
}
