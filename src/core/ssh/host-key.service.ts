import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Secret } from '../credentials/secret.js';
import { SealedSetting } from '../settings/sealed-setting.js';
import { newKeyPair } from './ssh-key.rules.js';

/** The gateway's own key: made once, sealed in the database, the same for every server on it. */
@Injectable()
export class HostKey {
  private readonly stored: SealedSetting;

  constructor(db: UnitOfWork, config: Config) {
    this.stored = new SealedSetting(db, config, 'ssh.host_key');
  }

  /** In OpenSSH's form. */
  get(): Promise<Secret> {
    return this.stored.get(() => newKeyPair('flotilla').privateKey);
  }
}
