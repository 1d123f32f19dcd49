import { ManualClock } from '../../../test/support/manual-clock.js';
import { SystemClock } from './system-clock.js';

const clocks: readonly { name: string; make: () => SystemClock | ManualClock }[] = [
  { name: 'SystemClock', make: () => new SystemClock() },
  { name: 'ManualClock', make: () => new ManualClock() },
];

describe.each(clocks)('$name', ({ make }) => {
  const moved = (clock: SystemClock | ManualClock) => {
    if (clock instanceof ManualClock) clock.advance(5);
  };

  it('wakes a sleeper when the time has come', async () => {
    const clock = make();
    const before = clock.now().getTime();
    const sleeping = clock.sleep(5);
    moved(clock);
    await sleeping;
    expect(clock.now().getTime()).toBeGreaterThan(before);
  });

  it('wakes nobody after a cancel', async () => {
    const clock = make();
    let rang = false;
    clock.after(1, () => (rang = true))();
    const sleeping = clock.sleep(5);
    moved(clock);
    await sleeping;
    expect(rang).toBe(false);
  });

  it('rejects a sleeper with the reason of the abort', async () => {
    const clock = make();
    const abort = new AbortController();
    const sleeping = clock.sleep(60_000, abort.signal);
    abort.abort(new Error('enough'));
    await expect(sleeping).rejects.toThrow('enough');
    await expect(clock.sleep(1, abort.signal)).rejects.toThrow('enough');
  });
});
