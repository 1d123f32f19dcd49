import type { StatsSample } from './engine.port.js';
import { pairOf, usageOf } from './live-stats.service.js';

const sample = (ms: number, cpuMs: number): StatsSample => ({
  instanceId: 'i',
  at: new Date(1_800_000_000_000 + ms).toISOString(),
  cpuNanos: BigInt(cpuMs * 1e6),
  memoryBytes: 1,
  memoryLimitBytes: 2,
  rxBytes: 3,
  txBytes: 4,
  onlineCpus: 2,
});
const cpuOf = (...samples: StatsSample[]): number | null => {
  let pair: ReturnType<typeof pairOf> | undefined;
  for (const one of samples) pair = pairOf(pair, one);
  return pair?.before ? usageOf(pair.before, pair.now).cpuPercent : null;
};

describe('CPU of an instance', () => {
  it.each<[string, StatsSample[], number | null]>([
    ['is unknown after one sample', [sample(0, 0)], null],
    ['is unknown after two that are too close', [sample(0, 0), sample(100, 90)], null],
    ['is the share of the time between two', [sample(0, 0), sample(1000, 250)], 25],
    ['is not forgotten by a third that is too close', [sample(0, 0), sample(1000, 250), sample(1010, 250)], 24.8],
    ['is more than 100 with several cores', [sample(0, 100), sample(2000, 4100)], 200],
    ['begins anew when the container did', [sample(0, 5000), sample(1000, 10)], null],
  ])('%s', (_what, samples, cpu) => {
    expect(cpuOf(...samples)).toBe(cpu);
  });
});
