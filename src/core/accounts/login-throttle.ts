import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { LimitReached } from '../errors/domain-error.js';
import { digest } from './account.rules.js';

const limits = {
  /** Wrong passwords of one account (its id, or what was typed when there is none). */
  account: { most: 5, seconds: 15 * 60 },
  /** Failed sign-ins from one network address. */
  address: { most: 30, seconds: 5 * 60 },
  /** Codes tried for one e-mail address. */
  code: { most: 5, seconds: 10 * 60 },
  /** Codes asked for by one e-mail address, and from one network address. */
  codeRequest: { most: 3, seconds: 10 * 60 },
  codeRequestAddress: { most: 30, seconds: 5 * 60 },
} as const;
export type ThrottleKind = keyof typeof limits;

/** Who tries. */
export type Attempt = Readonly<Partial<Record<ThrottleKind, string>>>;

interface Counted {
  readonly count: number;
  readonly endsAt: Date;
}

/** Counts sign-ins that failed, per account and address, and codes. Stored, so that neither a restart nor another server forgives. */
@Injectable()
export class LoginThrottle {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
  ) {}

  /** @throws LimitReached too many failures within the window; says after how many seconds it ends */
  async check(attempt: Attempt): Promise<void> {
    const kinds = kindsOf(attempt);
    const rows = await this.db.query<{ key: string; count: number; window_ends_at: Date }>(
      'select key, count, window_ends_at from login_failures where key = any($1) and window_ends_at > $2',
      [kinds.map((kind) => keyOf(kind, attempt)), this.clock.now()],
    );
    const full = rows.filter((row) =>
      kinds.some((kind) => row.key === keyOf(kind, attempt) && row.count >= limits[kind].most),
    );
    if (full.length === 0) return;
    throw this.tooMany(new Date(Math.max(...full.map((row) => new Date(row.window_ends_at).getTime()))));
  }

  /** Counts a failure. Says which limits it has just reached: from now on they refuse. */
  async recordFailure(attempt: Attempt): Promise<readonly ThrottleKind[]> {
    await this.prune();
    const filled: ThrottleKind[] = [];
    for (const kind of kindsOf(attempt)) {
      if ((await this.count(kind, attempt)).count === limits[kind].most) filled.push(kind);
    }
    return filled;
  }

  /**
   * Counts a try before it is made, so that any number of them at once gets no further than the limit.
   * @throws LimitReached this one is too many
   * @returns whether it was the last one
   */
  async spend(kind: ThrottleKind, value: string): Promise<boolean> {
    await this.prune();
    const { count, endsAt } = await this.count(kind, { [kind]: value });
    if (count > limits[kind].most) throw this.tooMany(endsAt);
    return count === limits[kind].most;
  }

  /** Success forgives this one; other kinds keep their count. */
  async forgive(kind: ThrottleKind, value: string): Promise<void> {
    await this.db.query('delete from login_failures where key = $1', [keyOf(kind, { [kind]: value })]);
  }

  private async prune(): Promise<void> {
    await this.db.query('delete from login_failures where window_ends_at <= $1', [this.clock.now()]);
  }

  private tooMany(endsAt: Date): LimitReached {
    const wait = Math.max(1, Math.ceil((endsAt.getTime() - this.clock.now().getTime()) / 1000));
    return new LimitReached('Too many failed sign-ins, try again later', 'too_many_sign_ins', wait);
  }

  private async count(kind: ThrottleKind, attempt: Attempt): Promise<Counted> {
    const now = this.clock.now();
    const [row] = await this.db.query<{ count: number; window_ends_at: Date }>(
      `insert into login_failures as f (key, count, window_ends_at) values ($1, 1, $2)
       on conflict (key) do update set
         count = case when f.window_ends_at <= $3 then 1 else f.count + 1 end,
         window_ends_at = case when f.window_ends_at <= $3 then excluded.window_ends_at else f.window_ends_at end
       returning count, window_ends_at`,
      [keyOf(kind, attempt), new Date(now.getTime() + limits[kind].seconds * 1000), now],
    );
    return { count: row?.count ?? 1, endsAt: new Date(row?.window_ends_at ?? now) };
  }
}

const kindsOf = (attempt: Attempt): ThrottleKind[] => Object.keys(attempt) as ThrottleKind[];
const keyOf = (kind: ThrottleKind, attempt: Attempt): string => digest(`${kind}:${attempt[kind] ?? ''}`);
