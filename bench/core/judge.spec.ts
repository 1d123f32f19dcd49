import type { Bar, Row } from './bench.js';
import type { HostFacts } from './host.js';
import { judge, unexplained } from './judge.js';
import { LastResult } from './last-result.js';
import { resultOf } from './report.js';

const bar: Bar = { measure: 'p50', of: 'ratio', sense: 'most', limit: 2 };
const row = (product: number, more: Partial<Bar> = {}, cpuMs = 10, referenceCpuMs = 1): Row => ({
  id: 'P0',
  what: 'a thing',
  reference: 'the least program',
  unit: 'ms',
  bars: [{ ...bar, ...more }],
  product: [{ values: [product], cpuMs }],
  referenceTakes: [{ values: [1], cpuMs: referenceCpuMs }],
  notes: [],
});
const fails = (one: Row): boolean => judge(one).some(unexplained);

describe('a bar', () => {
  it.each([
    ['holds', row(2), false],
    ['is missed', row(2.1), true],
    ['waits for something that is not built', row(9, { notYet: 'no pool' }), false],
    ['is missed for a known reason', row(3, { known: 'slow disks', atWorst: 4 }), false],
    ['is missed by more than the known reason explains', row(4.1, { known: 'slow disks', atWorst: 4 }), true],
    ['of a rate is missed for a known reason', row(0.5, { sense: 'least', known: 'x', atWorst: 0.4 }), false],
    ['of a rate is missed by more than that', row(0.3, { sense: 'least', known: 'x', atWorst: 0.4 }), true],
  ])('that %s', (_, one, failing) => expect(fails(one)).toBe(failing));
});

describe('CPU of an operation against the last stored result', () => {
  const last = new LastResult('2026-01-01', [resultOf(row(1), 1)]);

  it.each([
    ['as before', row(1, {}, 10), false],
    ['a fifth more', row(1, {}, 12), false],
    ['more than a fifth more', row(1, {}, 12.5), true],
    ['more, on a machine that is slower by as much', row(1, {}, 15, 1.5), false],
    ['more, and the reference less', row(1, {}, 12.5, 0.5), true],
  ])('%s', (_, one, failing) => expect(last.growth(one) !== null).toBe(failing));

  it('says nothing of what was not measured before', () =>
    expect(last.growth({ ...row(1, {}, 99), what: 'another thing' })).toBeNull());

  it('is not looked for where there is none', () =>
    expect(LastResult.in('/nonexistent', 'full', {} as HostFacts).growth(row(1, {}, 99))).toBeNull());
});
