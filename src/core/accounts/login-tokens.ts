import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { Clock } from '../clock.port.js';
import { Secret } from '../credentials/secret.js';
import { type Login, newLoginId } from './principals.js';
import { SignedTokens } from './signed-tokens.js';
import type { User } from './user.entity.js';

const lifetimeSeconds = 7 * 24 * 3600;
const modes = ['admin', 'email', 'dev'] as const;
/** How somebody signed in: with a password, by e-mail. */
export type LoginMode = (typeof modes)[number];

export interface IssuedLogin {
  readonly accessToken: Secret;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** The tokens people get when they sign in. */
@Injectable()
export class LoginTokens {
  private readonly tokens: SignedTokens;

  constructor(
    config: Config,
    private readonly clock: Clock,
  ) {
    this.tokens = new SignedTokens(config.masterKey, 'login');
  }

  issue(user: Pick<User, 'username' | 'passwordChangedAt'>, mode: LoginMode = 'admin'): IssuedLogin {
    const issuedAt = this.clock.now();
    const iat = Math.floor(issuedAt.getTime() / 1000);
    const exp = iat + lifetimeSeconds;
    const jti = newLoginId(user.passwordChangedAt);
    const token = this.tokens.sign({ sub: user.username, exp, mode, jti, iat });
    return { accessToken: new Secret(token), issuedAt, expiresAt: new Date(exp * 1000) };
  }

  /** null: not ours, tampered with, expired, or a claim is missing. */
  read(token: string): Login | null {
    const claims = this.tokens.verify(token, this.clock.now());
    if (!claims || !modes.some((mode) => mode === claims['mode'])) return null;
    return { username: claims.sub, jti: claims.jti, expiresAt: new Date(claims.exp * 1000) };
  }
}
