import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from './bench.js';
import type { HostFacts } from './host.js';
import { rounded, summaryOf, type Result } from './report.js';

/** CPU per operation may grow by so much from one stored result to the next; it is much less noisy than time. */
const mostGrowth = 1.2;
/** Below this many milliseconds for an operation the clock of the kernel decides, not the product. */
const leastMs = 0.05;

interface Stored {
  readonly suite: string;
  readonly began: string;
  readonly host: HostFacts;
  readonly results: readonly Result[];
}

/**
 * What the last stored result says an operation costs, if it was taken on a machine like this one by the same suite: costs of
 * another processor, Node or suite say nothing about this one.
 */
export class LastResult {
  private readonly costs: ReadonlyMap<string, Result>;

  constructor(
    readonly began: string | null,
    results: readonly Result[],
  ) {
    this.costs = new Map(results.map((result) => [keyOf(result), result]));
  }

  static in(folder: string, suite: string, host: HostFacts): LastResult {
    const names = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
    const [last] = names
      .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Stored)
      .filter((stored) => stored.suite === suite && alike(stored.host, host))
      .sort((one, other) => other.began.localeCompare(one.began));
    return last ? new LastResult(last.began, last.results) : new LastResult(null, []);
  }

  /** The sentence that says that an operation costs more than it did, or null. */
  growth(row: Row): string | null {
    const before = this.costs.get(keyOf(row));
    const now = summaryOf(row.product)?.cpuMs ?? null;
    const then = before?.product.cpuMs ?? null;
    if (now === null || then === null || then < leastMs) return null;
    // Where the reference's CPU is known too, a slower machine slows both.
    const [theirs, theirsThen] = [summaryOf(row.referenceTakes)?.cpuMs, before?.referenceSummary?.cpuMs];
    const slower = theirs && theirsThen && theirsThen > 0 ? Math.max(1, theirs / theirsThen) : 1;
    if (now <= then * mostGrowth * slower) return null;
    return `  ${keyOf(row)}: ${rounded(now)} ms of CPU for an operation, ${rounded(then)} in the result of ${this.began ?? ''}`;
  }
}

const keyOf = ({ id, what }: { readonly id: string; readonly what: string }): string => `${id} ${what}`;
const alike = (one: HostFacts, other: HostFacts): boolean =>
  one.cpu === other.cpu && one.cores === other.cores && one.node === other.node;
