import type { Bar, Row, Take } from './bench.js';
import { judge, type Judged, measureOf } from './judge.js';
import { median, percentile } from './numbers.js';

/** One line of the result, as it is printed and stored. */
export interface Result {
  readonly id: string;
  readonly what: string;
  readonly reference: string | null;
  readonly unit: string;
  readonly product: Summary;
  readonly referenceSummary: Summary | null;
  readonly bars: readonly {
    readonly text: string;
    readonly found: number;
    readonly verdict: Verdict;
    readonly why?: string;
  }[];
  readonly growth: Row['growth'] | null;
  readonly notes: readonly string[];
  readonly attempts: number;
}

export type Verdict = 'holds' | 'missed' | 'not yet';

export interface Summary {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
  readonly rate: number | null;
  readonly errors: number;
  /** Per operation, milliseconds. */
  readonly cpuMs: number | null;
  readonly engineCpuMs: number | null;
  /** Operations of all rounds. */
  readonly operations: number;
}

const signs = { most: '<=', least: '>=' } as const;

export function barText({ measure, of, sense, limit, allowance }: Bar, unit: string): string {
  const ratio = of === 'ratio';
  const amount = ratio ? `${limit}x` : `${of === 'added' ? '+' : ''}${limit} ${measure === 'cpu' ? 'ms' : unit}`;
  const more = allowance === undefined ? '' : ` + ${allowance} ${unit}`;
  return `${measure} ${signs[sense]} ${amount}${more}`;
}

export function summaryOf(takes: readonly Take[]): Summary | null {
  if (takes.length === 0) return null;
  const values = takes.flatMap((take) => take.values);
  const known = (numbers: readonly (number | undefined)[]): number[] => numbers.filter((one) => one !== undefined);
  const rates = known(takes.map((take) => take.rate));
  const per = (pick: (take: Take) => number | undefined): number | null => {
    const all = known(
      takes.map((take) => (pick(take) === undefined ? undefined : (pick(take) ?? 0) / Math.max(1, take.values.length))),
    );
    return all.length === 0 ? null : median(all);
  };
  return {
    p50: median(takes.map((take) => measureOf(take, 'p50'))),
    p95: median(takes.map((take) => measureOf(take, 'p95'))),
    max: percentile(values, 1),
    rate: rates.length === 0 ? null : median(rates),
    errors: takes.reduce((total, take) => total + (take.errors ?? 0), 0),
    cpuMs: per((take) => take.cpuMs),
    engineCpuMs: per((take) => take.engineCpuMs),
    operations: values.length,
  };
}

export function resultOf(row: Row, attempts: number): Result {
  const product = summaryOf(row.product);
  if (!product) throw new Error(`${row.id} ${row.what} measured nothing`);
  return {
    id: row.id,
    what: row.what,
    reference: row.reference,
    unit: row.unit,
    product,
    referenceSummary: summaryOf(row.referenceTakes),
    bars: judge(row).map(({ bar, found, holds }) => ({
      text: barText(bar, row.unit),
      found: rounded(found),
      verdict: holds ? 'holds' : bar.notYet === undefined ? 'missed' : 'not yet',
      ...whyOf(bar, holds),
    })),
    growth: row.growth ?? null,
    notes: row.notes,
    attempts,
  };
}

function whyOf({ notYet, known }: Bar, holds: boolean): { why?: string } {
  if (notYet !== undefined) return { why: notYet };
  return holds || known === undefined ? {} : { why: known };
}

/** Three digits that matter. */
export const rounded = (value: number): number => (Number.isFinite(value) ? Number(value.toPrecision(3)) : value);

const shown = (value: number | null): string => (value === null || Number.isNaN(value) ? '' : String(rounded(value)));

export const columns = [
  'id',
  'what',
  'p50',
  'p95',
  'max',
  'ref p50',
  'ref p95',
  'CPU ms/op',
  'found',
  'bar',
  'verdict',
];

/** Lines of the table: one for each bar, or one for a row without. */
export function linesOf(result: Result): string[][] {
  const { product, referenceSummary: reference } = result;
  const cpu =
    product.cpuMs === null
      ? ''
      : `${shown(product.cpuMs)}${product.engineCpuMs === null ? '' : ` + ${shown(product.engineCpuMs)}`}`;
  const numbers = [
    `${shown(product.p50)} ${result.unit}`,
    shown(product.p95),
    shown(product.max),
    shown(reference?.p50 ?? null),
    shown(reference?.p95 ?? null),
    cpu,
  ];
  const bars = result.bars.length > 0 ? result.bars : [{ text: '', found: Number.NaN, verdict: '' }];
  return bars.map((bar, index) => [
    index === 0 ? result.id : '',
    index === 0 ? result.what : '',
    ...(index === 0 ? numbers : numbers.map(() => '')),
    shown(bar.found),
    bar.text,
    bar.verdict,
  ]);
}

export function tableText(lines: readonly (readonly string[])[]): string {
  const all = [columns, ...lines];
  const widths = columns.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  return all
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Both raw distributions, for a bar that was missed. */
export function distributions(row: Row, { bar, found }: Judged): string {
  const line = (name: string, takes: readonly Take[]): string =>
    takes
      .map((take, round) => {
        const at = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1].map((share) => shown(percentile(take.values, share)));
        return `    ${name} round ${round + 1}: min/5/25/50/75/95/max ${at.join(' ')} ${row.unit}, n=${take.values.length}`;
      })
      .join('\n');
  const text = [`  ${row.id} ${row.what}: ${shown(found)}, bar ${barText(bar, row.unit)}`];
  return [...text, line('product', row.product), line('reference', row.referenceTakes)]
    .filter((one) => one !== '')
    .join('\n');
}
