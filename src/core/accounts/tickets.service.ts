import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import type { Principal } from '../access/principal.js';
import { Clock } from '../clock.port.js';
import { Secret } from '../credentials/secret.js';
import { Forbidden } from '../errors/domain-error.js';
import { Principals } from './principals.js';
import { Revocations } from './revocations.js';
import { SignedTokens, type TokenClaims } from './signed-tokens.js';

export const ticketSeconds = 30;

/**
 * Tickets: what a browser puts into the address of a WebSocket instead of its token. Good once, for 30 seconds.
 * A ticket is signed rather than stored, so any replica can redeem it; only its use is stored.
 */
@Injectable()
export class TicketsService {
  private readonly tokens: SignedTokens;

  constructor(
    config: Config,
    private readonly clock: Clock,
    private readonly principals: Principals,
    private readonly revocations: Revocations,
  ) {
    this.tokens = new SignedTokens(config.masterKey, 'ticket');
  }

  issue(who: Principal): Secret {
    if (who.via.kind === 'system' || who.via.kind === 'link')
      throw new Forbidden('Only people and API keys get tickets');
    const iat = Math.floor(this.clock.now().getTime() / 1000);
    // Rounded up: whoever is told "30 seconds" has at least that.
    const claims: TokenClaims = { sub: who.username, jti: `ticket.${randomUUID()}`, iat, exp: iat + ticketSeconds + 1 };
    const by =
      who.via.kind === 'key' ? { key: who.via.keyId } : { login: who.via.jti, until: who.via.expiresAt.getTime() };
    return new Secret(this.tokens.sign({ ...claims, ...by }));
  }

  /** Who the ticket was made for, if what they signed in with still counts. null: spent, too old, or none of ours. */
  async redeem(ticket: string): Promise<Principal | null> {
    const claims = this.tokens.verify(ticket, this.clock.now());
    if (!claims || !(await this.revocations.revoke(claims.jti, new Date(claims.exp * 1000)))) return null;
    const { key, login, until } = claims;
    if (typeof key === 'string') return this.principals.byKeyId(key);
    if (typeof login !== 'string' || typeof until !== 'number') return null;
    return this.principals.byLogin({ username: claims.sub, jti: login, expiresAt: new Date(until) });
  }
}
