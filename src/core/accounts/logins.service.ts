import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import type { Secret } from '../credentials/secret.js';
import { Forbidden, Unauthenticated } from '../errors/domain-error.js';
import { type Attempt, LoginThrottle } from './login-throttle.js';
import type { IssuedLogin } from './login-tokens.js';
import { Passwords } from './passwords.js';
import { Revocations } from './revocations.js';
import { isSetUp } from './setup.js';
import { SignIns } from './sign-ins.js';
import { User } from './user.entity.js';

export interface SignIn {
  /** User name or e-mail address. */
  readonly username: string;
  readonly password: Secret;
  /** Network address it comes from. */
  readonly address: string;
}

const maxLength = 1024;

/** Signing in with a password, and out again. */
@Injectable()
export class LoginsService {
  constructor(
    private readonly db: UnitOfWork,
    private readonly passwords: Passwords,
    private readonly throttle: LoginThrottle,
    private readonly signIns: SignIns,
    private readonly revocations: Revocations,
  ) {}

  /**
   * Says the same, after the same time, for a wrong password and for nobody we know.
   * @throws Unauthenticated; LimitReached after too many failures; Forbidden `setup_required` before the first password was set
   */
  async signIn(request: SignIn): Promise<IssuedLogin> {
    const user = await this.find(request.username);
    if (!user?.passwordHash && !(await isSetUp(this.db))) throw new Forbidden('setup_required', 'setup_required');
    const attempt: Attempt = { account: user?.id ?? request.username.toLowerCase(), address: request.address };
    await this.throttle.check(attempt);

    const matched =
      request.password.reveal().length <= maxLength &&
      (await this.passwords.matches(request.password, user?.passwordHash ?? null));
    const way = { means: 'password', address: request.address } as const;
    if (!user || !matched || user.suspendedAt) {
      const reason = matched && user?.suspendedAt ? 'suspended' : 'wrong_password';
      await this.signIns.refuse({ ...way, userId: user?.id ?? null, reason, attempt });
      throw new Unauthenticated('Incorrect username or password', 'incorrect_password');
    }
    // Again: guesses sent all at once must not get past the limit while none of them has been counted yet.
    await this.throttle.check(attempt);
    await this.throttle.forgive('account', user.id);
    return this.signIns.succeed(user, way);
  }

  /** The login is refused from now on. Again, or with an API key, it does nothing. */
  async signOut(who: Principal): Promise<void> {
    if (who.via.kind !== 'login' || !(await this.revocations.revoke(who.via.jti, who.via.expiresAt))) return;
    await this.signIns.signedOut(who);
  }

  private async find(typed: string): Promise<User | null> {
    if (typed.length > maxLength || typed.includes('\0')) return null;
    const found = await this.db
      .of(User)
      .find({ where: [{ username: typed }, { email: typed.normalize('NFC').toLowerCase() }] });
    return found.find((user) => user.username === typed) ?? found[0] ?? null;
  }
}
