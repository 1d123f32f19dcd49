import type { Bar, Measure, Row, Take } from './bench.js';
import { median, percentile } from './numbers.js';

export interface Judged {
  readonly bar: Bar;
  /** What the bar looks at: the median over the rounds. */
  readonly found: number;
  readonly holds: boolean;
}

const shares = { p50: 0.5, p95: 0.95, p99: 0.99, max: 1 } as const;

/** One number of a take. CPU is per operation, in milliseconds. */
export function measureOf(take: Take, measure: Measure): number {
  if (measure === 'rate') return take.rate ?? Number.NaN;
  if (measure === 'cpu')
    return ((take.cpuMs ?? Number.NaN) + (take.engineCpuMs ?? 0)) / Math.max(1, take.values.length);
  return percentile(take.values, shares[measure]);
}

/** The median over rounds of what the product is compared with the reference. */
export function compared(row: Row, { measure, of, allowance = 0 }: Bar): number {
  const each = row.product.map((take, round) => {
    const ours = measureOf(take, measure);
    if (of === 'product') return ours;
    const theirs = row.referenceTakes[round];
    if (!theirs) return Number.NaN;
    const reference = measureOf(theirs, measure);
    return of === 'added' ? ours - reference : (ours - allowance) / reference;
  });
  return median(each);
}

export function judge(row: Row): Judged[] {
  return row.bars.map((bar) => {
    const found = compared(row, bar);
    return { bar, found, holds: within(bar, found, bar.limit) };
  });
}

const within = ({ sense }: Bar, found: number, limit: number): boolean =>
  sense === 'most' ? found <= limit : found >= limit;

/** A bar that fails although it should hold: it can be had, and nobody knows why it is missed, or why so far. */
export const unexplained = ({ bar, found, holds }: Judged): boolean =>
  !holds &&
  bar.notYet === undefined &&
  (bar.known === undefined || (bar.atWorst !== undefined && !within(bar, found, bar.atWorst)));

export const misses = (row: Row): boolean => judge(row).some(unexplained);

/** Errors fail a run: whoever answers wrongly may not be called fast. */
export const errorsOf = (takes: readonly Take[]): number =>
  takes.reduce((total, take) => total + (take.errors ?? 0), 0);
