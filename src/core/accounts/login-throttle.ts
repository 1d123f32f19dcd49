import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { LimitReached } from '../errors/domain-error.js';
import { digest } from './account.rules.js';

const limits = {
  account: { failures: 5, seconds: 15 * 60 },
  address: { failures: 30, seconds: 5 * 60 },
} as const;
type Kind = keyof typeof limits;

/** Who tries: the account (its id, or what was typed when there is none) and the address it comes from. */
export type Attempt = Readonly<Record<Kind, string>>;

/** Counts failed sign-ins per account and per address. */
@Injectable()
export class LoginThrottle {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** @throws LimitReached too many failures within the window; says after how many seconds it ends */
  async check(attempt: Attempt): Promise<void> {
    const now = this.clock.now();
    const rows = await this.db.query<{ key: string; count: number; window_ends_at: Date }>(
      'select key, count, window_ends_at from login_failures where key in ($1, $2) and window_ends_at > $3',
      [keyOf('account', attempt), keyOf('address', attempt), now],
    );
    const full = rows.filter((row) =>
      (['account', 'address'] as const).some(
        (kind) => row.key === keyOf(kind, attempt) && row.count >= limits[kind].failures,
      ),
    );
    if (full.length === 0) return;
    const ends = Math.max(...full.map((row) => new Date(row.window_ends_at).getTime()));
    const wait = Math.max(1, Math.ceil((ends - now.getTime()) / 1000));
    throw new LimitReached('Too many failed sign-ins, try again later', 'too_many_sign_ins', wait);
  }

  async recordFailure(attempt: Attempt): Promise<void> {
    await this.db.query('delete from login_failures where window_ends_at <= $1', [this.clock.now()]);
    for (const kind of ['account', 'address'] as const) await this.count(kind, attempt);
  }

  /** The right password forgives the account; the address keeps its count. */
  async forgive(attempt: Attempt): Promise<void> {
    await this.db.query('delete from login_failures where key = $1', [keyOf('account', attempt)]);
  }

  private async count(kind: Kind, attempt: Attempt): Promise<void> {
    const now = this.clock.now();
    await this.db.query(
      `insert into login_failures as f (key, count, window_ends_at) values ($1, 1, $2)
       on conflict (key) do update set
         count = case when f.window_ends_at <= $3 then 1 else f.count + 1 end,
         window_ends_at = case when f.window_ends_at <= $3 then excluded.window_ends_at else f.window_ends_at end`,
      [keyOf(kind, attempt), new Date(now.getTime() + limits[kind].seconds * 1000), now],
    );
  }
}

const keyOf = (kind: Kind, attempt: Attempt): string => digest(`${kind}:${attempt[kind]}`);
