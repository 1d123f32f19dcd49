import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';

/** Tokens that are refused although they have not expired. */
@Injectable()
export class Revocations {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** Whether this call was the first to revoke it: of two at once exactly one is told yes. */
  async revoke(jti: string, expiresAt: Date): Promise<boolean> {
    await this.db.query('delete from revoked_logins where expires_at < $1', [this.clock.now()]);
    const made = await this.db.query(
      'insert into revoked_logins (jti, expires_at) values ($1, $2) on conflict (jti) do nothing returning jti',
      [jti, expiresAt],
    );
    return made.length > 0;
  }
}
