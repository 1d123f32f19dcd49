import { hash, verify } from '@node-rs/argon2';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Secret } from '../credentials/secret.js';
import { Unavailable } from '../errors/domain-error.js';

// argon2id (the library's default) with 19 MiB and two passes: about 80 ms of one core.
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const atOnce = 2;
const maxWaiting = 100;

/** Password hashing in the thread pool, a few at a time, so that a flood of sign-ins starves nothing else. */
@Injectable()
export class Passwords implements OnModuleInit {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  private stranger: Promise<string> | null = null;

  /** Made before the first sign-in: the first unknown user must not take longer than the others. */
  onModuleInit(): void {
    this.stranger ??= hash('', cost);
  }

  hash(password: Secret): Promise<string> {
    return this.inTurn(() => hash(password.reveal(), cost));
  }

  /** Takes the same time when there is no hash (no such user, no password): the answer's delay tells nothing. */
  async matches(password: Secret, stored: string | null): Promise<boolean> {
    this.stranger ??= hash('', cost);
    const against = stored ?? (await this.stranger);
    const matched = await this.inTurn(() => verify(against, password.reveal()));
    return matched && stored !== null;
  }

  private async inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= atOnce) {
      if (this.waiting.length >= maxWaiting) throw new Unavailable('Too many sign-ins at once', 'busy', 5);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    } else {
      this.running++;
    }
    try {
      return await work();
    } finally {
      // The place passes to whoever waits longest; only without one is it given up.
      const following = this.waiting.shift();
      if (following) following();
      else this.running--;
    }
  }
}
