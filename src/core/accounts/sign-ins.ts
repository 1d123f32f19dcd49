import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import { type Attempt, LoginThrottle, type ThrottleKind } from './login-throttle.js';
import { type IssuedLogin, LoginTokens } from './login-tokens.js';
import { User } from './user.entity.js';

/** How somebody tried to come in. */
export interface Way {
  readonly means: 'password' | 'email';
  /** Network address it comes from. */
  readonly address: string;
}

export interface Refusal extends Way {
  /** Null: nobody we know. What was typed is kept nowhere: people type passwords into the wrong field. */
  readonly userId: string | null;
  readonly reason: 'wrong_password' | 'wrong_code' | 'suspended';
  /** What is to be counted against it. */
  readonly attempt: Attempt;
  /** Limits this attempt has reached already. */
  readonly reached?: readonly ThrottleKind[];
}

/** What follows from a sign-in, whichever way it came: the token, the counts, and the record of it. */
@Injectable()
export class SignIns {
  constructor(
    private readonly db: UnitOfWork,
    private readonly tokens: LoginTokens,
    private readonly throttle: LoginThrottle,
    private readonly audit: Audit,
  ) {}

  async succeed(user: User, { means, address }: Way): Promise<IssuedLogin> {
    const login = this.tokens.issue(user, means === 'email' ? 'email' : 'admin');
    const who = { userId: user.id, via: { kind: 'login', jti: '', expiresAt: login.expiresAt } } as const;
    await this.db.run(async (tx) => {
      await tx.of(User).update({ id: user.id }, { lastLoginAt: login.issuedAt });
      const data = { means, address };
      await this.audit.record(tx, { who, action: 'user.signed_in', object: `user:${user.id}`, data });
    });
    return login;
  }

  /** Every failure is recorded; that a limit was reached is recorded once, not for each call that it refuses. */
  async refuse({ means, address, userId, reason, attempt, reached = [] }: Refusal): Promise<void> {
    const full = [...reached, ...(await this.throttle.recordFailure(attempt))];
    await this.db.run(async (tx) => {
      const about = { who: null, object: `user:${userId ?? 'unknown'}`, result: 'refused' } as const;
      await this.audit.record(tx, { ...about, action: 'user.sign_in_refused', data: { means, address, reason } });
      for (const limit of full) {
        await this.audit.record(tx, { ...about, action: 'user.sign_in_throttled', data: { means, address, limit } });
      }
    });
  }

  async signedOut(who: Principal): Promise<void> {
    await this.db.run((tx) => this.audit.record(tx, { who, action: 'user.signed_out', object: `user:${who.userId}` }));
  }
}
