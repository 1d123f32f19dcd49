import { createHmac, createSecretKey, hkdfSync, type KeyObject, randomInt, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import type { Tx } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { Secret } from '../credentials/secret.js';

export const codeMinutes = 10;
const digits = 6;

/** Six digits that prove who reads an address. Good for ten minutes, once; stored as keyed hashes only. */
@Injectable()
export class EmailCodes {
  private readonly key: KeyObject;

  constructor(
    config: Config,
    private readonly clock: Clock,
  ) {
    const derived = hkdfSync('sha256', config.masterKey.reveal(), '', 'flotilla/email-code/v1', 32);
    this.key = createSecretKey(Buffer.from(derived));
  }

  /** A new code for an address. Earlier ones stay good: mails overtake each other. */
  async issue(tx: Tx, email: string): Promise<Secret> {
    const code = String(randomInt(10 ** digits)).padStart(digits, '0');
    const expiresAt = new Date(this.clock.now().getTime() + codeMinutes * 60_000);
    await tx.query('delete from email_codes where expires_at <= $1', [this.clock.now()]);
    await tx.query('insert into email_codes (email, hash, expires_at) values ($1, $2, $3)', [
      email,
      this.hash(email, code),
      expiresAt,
    ]);
    return new Secret(code);
  }

  /** Whether the code is good. Then it is used up, and so is every other of that address: two at once cannot both win. */
  async redeem(tx: Tx, email: string, code: string): Promise<boolean> {
    const live = await tx.query<{ hash: string }>(
      'select hash from email_codes where email = $1 and expires_at > $2 for update',
      [email, this.clock.now()],
    );
    const wanted = Buffer.from(this.hash(email, code.trim()));
    const right = live.filter(({ hash }) => timingSafeEqual(Buffer.from(hash), wanted));
    if (right.length === 0) return false;
    await this.forget(tx, email);
    return true;
  }

  async forget(tx: Tx, email: string): Promise<void> {
    await tx.query('delete from email_codes where email = $1', [email]);
  }

  private hash(email: string, code: string): string {
    return createHmac('sha256', this.key).update(`${email}\n${code}`).digest('hex');
  }
}
