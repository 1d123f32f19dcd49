import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';

/** A value that JSON can hold. */
export type SettingValue =
  string | number | boolean | null | readonly SettingValue[] | { readonly [name: string]: SettingValue };

const upsert = `insert into settings (key, value, updated_at) values ($1, $2::jsonb, now())
  on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at`;

/** Values of the installation that change while it runs. Not for secrets: they are stored as they are. */
@Injectable()
export class Settings {
  constructor(private readonly db: UnitOfWork) {}

  /** A text, or null when it is not set or not a text. */
  async get(key: string): Promise<string | null> {
    const value = await this.getJson(key);
    return typeof value === 'string' ? value : null;
  }

  /** Any value, or null when it is not set. */
  async getJson(key: string): Promise<SettingValue> {
    const [row] = await this.db.query<{ value: SettingValue }>('select value from settings where key = $1', [key]);
    return row?.value ?? null;
  }

  /** A value and when it was set, or null. */
  async find(key: string): Promise<{ readonly value: SettingValue; readonly updatedAt: Date } | null> {
    const [row] = await this.db.query<{ value: SettingValue; updated_at: Date }>(
      'select value, updated_at from settings where key = $1',
      [key],
    );
    return row ? { value: row.value, updatedAt: new Date(row.updated_at) } : null;
  }

  /** All values whose key starts with `prefix`, by key. */
  async list(prefix = ''): Promise<ReadonlyMap<string, SettingValue>> {
    const rows = await this.db.query<{ key: string; value: SettingValue }>(
      'select key, value from settings where starts_with(key, $1) order by key',
      [prefix],
    );
    return new Map(rows.map(({ key, value }) => [key, value]));
  }

  set(key: string, value: SettingValue): Promise<void> {
    return this.db.run((tx) => this.setIn(tx, key, value));
  }

  /** Sets it together with whatever else the unit of work does. */
  async setIn(tx: Tx, key: string, value: SettingValue): Promise<void> {
    await tx.query(upsert, [key, JSON.stringify(value)]);
  }

  /** Says whether it was set. */
  delete(key: string): Promise<boolean> {
    return this.db.run(async (tx) => {
      const rows = await tx.query(
        'with gone as (delete from settings where key = $1 returning key) select key from gone',
        [key],
      );
      return rows.length > 0;
    });
  }
}
