import { Injectable } from '@nestjs/common';
import { Authenticator, type Credential } from '../access/authenticator.port.js';
import type { Principal } from '../access/principal.js';
import { Clock } from '../clock.port.js';
import { digest } from './account.rules.js';
import { credentialRulesOf } from './key-formats.js';
import { KeyUsage } from './key-usage.js';
import { LoginTokens } from './login-tokens.js';
import { Principals } from './principals.js';
import { TicketsService } from './tickets.service.js';

/** Logins, API keys and tickets -> who is calling. */
@Injectable()
export class AccountAuthenticator extends Authenticator {
  constructor(
    private readonly tokens: LoginTokens,
    private readonly principals: Principals,
    private readonly usage: KeyUsage,
    private readonly tickets: TicketsService,
    private readonly clock: Clock,
  ) {
    super();
  }

  async authenticate(credential: Credential, dialect: string): Promise<Principal | null> {
    const { keyPrefix, logins } = credentialRulesOf(dialect);
    if (credential.kind === 'ticket') return logins ? this.tickets.redeem(credential.value) : null;
    if (keyPrefix !== null && credential.value.startsWith(keyPrefix)) return this.byKey(credential.value, dialect);
    if (credential.kind !== 'bearer' || !logins) return null;

    const login = this.tokens.read(credential.value);
    return login && this.principals.byLogin(login);
  }

  /** Who this caller is now, or null when they may not call any more: for streams and sockets, which outlive a check. */
  async refresh(who: Principal): Promise<Principal | null> {
    if (who.via.kind === 'system') return who;
    if (who.via.kind === 'key') return this.principals.byKeyId(who.via.keyId);
    // Whoever followed an address is looked at by `core/links` each time.
    if (who.via.kind === 'link') return null;
    if (who.via.expiresAt <= this.clock.now()) return null;
    return this.principals.byLogin({ username: who.username, jti: who.via.jti, expiresAt: who.via.expiresAt });
  }

  private async byKey(value: string, dialect: string): Promise<Principal | null> {
    const who = await this.principals.byKeyHash(digest(value), dialect);
    if (who?.via.kind === 'key') this.usage.record(who.via.keyId);
    return who;
  }
}
