import type { Config } from '../../config/config.js';
import type { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { SealedPlace } from '../credentials/sealed-place.js';
import { Sealing } from '../credentials/sealing.js';
import { Secret } from '../credentials/secret.js';

/** What each of them is sealed for, by its key among the settings. */
const purposes = { 'ssh.host_key': 'ssh-host-key', 'links.key': 'links' } as const;
type Name = keyof typeof purposes;

/** Where they are sealed. */
export const settingPlaces: readonly SealedPlace[] = Object.entries(purposes).map(([name, purpose]) => ({
  purpose,
  table: 'settings',
  id: 'key',
  column: 'value',
  json: true,
  bound: [],
  where: `key = '${name}'`,
  record: () => name,
}));

/** A secret of the installation's own: made once, sealed in the database, the same for every server on it. */
export class SealedSetting {
  private readonly sealing: Sealing;

  constructor(
    private readonly db: UnitOfWork,
    config: Pick<Config, 'masterKey'>,
    private readonly record: Name,
  ) {
    this.sealing = new Sealing(config.masterKey, purposes[record]);
  }

  /** The stored one; `make` is asked when there is none. Of servers that start together, one's secret is taken by all. */
  async get(make: () => string): Promise<Secret> {
    const known = await this.find();
    if (known) return known;
    const sealed = this.sealing.seal(this.record, make());
    await this.db.query(
      'insert into settings (key, value, updated_at) values ($1, $2::jsonb, now()) on conflict do nothing',
      [this.record, JSON.stringify(sealed)],
    );
    const stored = await this.find();
    if (!stored) throw new Error(`the setting ${this.record} was not stored`);
    return stored;
  }

  private async find(): Promise<Secret | null> {
    const [row] = await this.db.query<{ value: unknown }>('select value from settings where key = $1', [this.record]);
    return typeof row?.value === 'string' ? new Secret(this.sealing.open(this.record, row.value)) : null;
  }
}
