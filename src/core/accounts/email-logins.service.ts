import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Invalid, Unauthenticated } from '../errors/domain-error.js';
import { emailOf, normalizeEmail } from './account.rules.js';
import { EmailAccounts } from './email-accounts.js';
import { LoginThrottle } from './login-throttle.js';
import type { IssuedLogin } from './login-tokens.js';
import { SignIns } from './sign-ins.js';
import type { User } from './user.entity.js';
import { Whitelist } from './whitelist.service.js';

export interface CodeSignIn {
  readonly email: string;
  readonly code: string;
  /** Network address it comes from. */
  readonly address: string;
}

export interface SignedIn {
  readonly login: IssuedLogin;
  readonly user: User;
}

const wrongCode = 'Invalid or expired verification code';

/** Signing in with a code that was mailed, and proving an address with one. */
@Injectable()
export class EmailLogins {
  constructor(
    private readonly db: UnitOfWork,
    private readonly throttle: LoginThrottle,
    private readonly signIns: SignIns,
    private readonly whitelist: Whitelist,
    private readonly accounts: EmailAccounts,
  ) {}

  /**
   * The first time it makes the account. Says the same for a wrong code, an old one, and an address nobody knows.
   * @throws Unauthenticated; LimitReached after five tries in ten minutes for an address, right or wrong
   */
  async signIn({ email: typed, code, address }: CodeSignIn): Promise<SignedIn> {
    const email = normalizeEmail(typed);
    if (email === null) throw new Unauthenticated(wrongCode, 'wrong_code');
    const attempt = { address };
    await this.throttle.check(attempt);
    const last = await this.throttle.spend('code', email);
    const user = await this.db.run(async (tx) => {
      const entry = await this.whitelist.redeem(tx, email, code);
      return entry && this.accounts.of(tx, email, entry.defaultRole);
    });
    if (!user || user.suspendedAt) {
      const reason = user ? 'suspended' : 'wrong_code';
      const reached = last ? (['code'] as const) : [];
      await this.signIns.refuse({ means: 'email', address, userId: user?.id ?? null, reason, attempt, reached });
      throw new Unauthenticated(wrongCode, 'wrong_code');
    }
    await this.throttle.forgive('code', email);
    return { login: await this.signIns.succeed(user, { means: 'email', address }), user };
  }

  /**
   * Makes an address the caller's own for good, so that what is shared with it is theirs too.
   * @throws Invalid no address, or a wrong code; Conflict somebody else has proven it; LimitReached too many tries
   */
  async prove(who: Principal, typed: string, code: string): Promise<User> {
    const email = emailOf(typed);
    await this.throttle.spend('code', email);
    const user = await this.db.run(async (tx) => {
      const entry = await this.whitelist.redeem(tx, email, code);
      return entry && this.accounts.prove(tx, who, email);
    });
    if (!user) throw new Invalid(wrongCode, [], 'wrong_code');
    await this.throttle.forgive('code', email);
    return user;
  }
}
