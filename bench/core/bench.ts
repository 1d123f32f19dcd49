import type { World } from './world.js';

/** One round of one side. */
export interface Take {
  /** One number per operation: milliseconds, unless the row says otherwise. */
  readonly values: readonly number[];
  /** Operations per second, where many run at once. */
  readonly rate?: number;
  /** CPU milliseconds used by the process under test for the whole take. */
  readonly cpuMs?: number;
  /** CPU milliseconds used by dockerd, containerd and shims for the whole take. */
  readonly engineCpuMs?: number;
  readonly errors?: number;
}

export type Measure = 'p50' | 'p95' | 'p99' | 'max' | 'rate' | 'cpu';

/** What must hold before a release. */
export interface Bar {
  readonly measure: Measure;
  /** `ratio`: product / reference; `added`: product - reference; `product`: the product alone. */
  readonly of: 'ratio' | 'added' | 'product';
  readonly sense: 'most' | 'least';
  readonly limit: number;
  /** Taken off the product before the ratio is made, in the row's unit. */
  readonly allowance?: number;
  /** Why it cannot be had yet: the row is measured and shown, and does not fail the run. */
  readonly notYet?: string;
  /** Why it is missed on machines we know: shown as missed, and does not fail the run. See `known-misses.ts`. */
  readonly known?: string;
  /** How far it may be missed for that reason; what is found beyond it fails the run again. */
  readonly atWorst?: number;
}

/** What one comparison found. */
export interface Row {
  readonly id: string;
  readonly what: string;
  readonly reference: string | null;
  /** Of the values: `ms`, `MB`, ... */
  readonly unit: string;
  readonly bars: readonly Bar[];
  readonly product: readonly Take[];
  readonly referenceTakes: readonly Take[];
  readonly notes: readonly string[];
  /** The same at several sizes of the fleet. */
  readonly growth?: Growth;
}

export interface Growth {
  /** Agents that exist, and what it costs then, in the row's unit. */
  readonly points: readonly { readonly size: number; readonly value: number }[];
  /** 0: does not grow; 1: in proportion. */
  readonly exponent: number;
}

export interface Scale {
  readonly suite: 'quick' | 'full';
  /** Rounds that count; one more is run first and dropped. */
  readonly rounds: number;
  /** The first in the quick suite, the second in the full one. */
  pick<T>(quick: T, full: T): T;
}

/** One benchmark: one file in `bench/cases`. */
export interface Bench {
  readonly id: string;
  readonly title: string;
  /** Called up to three times, while a bar is missed. Throws when an answer is wrong. */
  run(world: World, scale: Scale): Promise<readonly Row[]>;
}

export type Side = (round: number) => Promise<Take>;

/** Runs all sides in turn, round after round (A B A B ...); the first round only warms up. */
export async function interleave<K extends string>(
  rounds: number,
  sides: Readonly<Record<K, Side>>,
): Promise<Record<K, Take[]>> {
  const names = Object.keys(sides) as K[];
  const takes = Object.fromEntries(names.map((name) => [name, [] as Take[]])) as Record<K, Take[]>;
  for (let round = 0; round <= rounds; round += 1) {
    for (const name of names) {
      const take = await sides[name](round);
      if (round > 0) takes[name].push(take);
    }
  }
  return takes;
}

/** Fails the run: an answer was not what it must be. */
export function expectRight(right: boolean, what: string): asserts right {
  if (!right) throw new Error(`wrong answer: ${what}`);
}
