import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../support/trinity-client.js';
import type { Ledger } from './ledger.js';

/** Something that is changed once in a round, and how a reader sees afterwards whether it was. */
export interface Change {
  readonly what: string;
  /** What is changed: an agent, mostly. */
  readonly about: string;
  /** Makes what has to be there before. */
  readonly prepare?: () => Promise<unknown>;
  readonly ask: () => Promise<Answer<unknown>>;
  readonly seen: () => Promise<unknown>;
  /** What `seen` says once it was changed. */
  readonly after: unknown;
}

/** The changes of one round: made ready, asked for by the load, and looked at after the restart. */
export class Changes {
  private readonly before = new Map<Change, unknown>();

  constructor(readonly all: readonly Change[]) {}

  async prepare(): Promise<void> {
    for (const one of this.all) {
      await one.prepare?.();
      this.before.set(one, await one.seen());
    }
  }

  /** I1 and I7: what was acknowledged is so, what was not asked is not, anything else is whole or not at all. */
  async check(ledger: Ledger): Promise<void> {
    for (const one of this.all) {
      const { what, about, after } = one;
      const seen = await one.seen();
      const before = this.before.get(one);
      const told = ledger.acknowledged(what, about) !== undefined;
      const possible = told ? [after] : ledger.asked(what, about) ? [before, after] : [before];
      if (possible.some((state) => isDeepStrictEqual(state, seen))) continue;
      throw new Error(`I1: ${what} ${about}: ${JSON.stringify({ told, seen, possible })}`);
    }
  }
}
