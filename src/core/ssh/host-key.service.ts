import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Sealing } from '../credentials/sealing.js';
import { Secret } from '../credentials/secret.js';
import { newKeyPair } from './ssh-key.rules.js';

const record = 'ssh.host_key';

/** The gateway's own key: made once, sealed in the database, the same for every server on it. */
@Injectable()
export class HostKey {
  private readonly sealing: Sealing;

  constructor(
    private readonly db: UnitOfWork,
    config: Config,
  ) {
    this.sealing = new Sealing(config.masterKey, 'ssh-host-key');
  }

  /** In OpenSSH's form. Of servers that start together on an empty database, one's key is taken by all. */
  async get(): Promise<Secret> {
    const known = await this.find();
    if (known) return known;
    const sealed = this.sealing.seal(record, newKeyPair('flotilla').privateKey);
    await this.db.query(
      'insert into settings (key, value, updated_at) values ($1, $2::jsonb, now()) on conflict do nothing',
      [record, JSON.stringify(sealed)],
    );
    const stored = await this.find();
    if (!stored) throw new Error('the SSH host key was not stored');
    return stored;
  }

  private async find(): Promise<Secret | null> {
    const [row] = await this.db.query<{ value: unknown }>('select value from settings where key = $1', [record]);
    return typeof row?.value === 'string' ? new Secret(this.sealing.open(record, row.value)) : null;
  }
}
