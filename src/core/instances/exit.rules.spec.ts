import { afterExit, backOffSeconds, maxFailures } from './exit.rules.js';

const exit = { exitCode: 1, oomKilled: false, fromOutside: false, failures: 0, everRan: true };

describe('after an exit', () => {
  it.each([
    [{ ...exit, exitCode: 0 }, 'rest'],
    [{ ...exit, exitCode: 137, fromOutside: true }, 'rest'],
    [{ ...exit, exitCode: 143, fromOutside: true, failures: 3 }, 'rest'],
    [{ ...exit, exitCode: 1 }, 'retry'],
    [{ ...exit, exitCode: 137, oomKilled: true }, 'retry'],
    [{ ...exit, exitCode: 143 }, 'retry'],
    [{ ...exit, exitCode: null }, 'retry'],
    [{ ...exit, failures: maxFailures - 1 }, 'fail'],
    [{ ...exit, everRan: false }, 'fail'],
    [{ ...exit, everRan: false, exitCode: 0 }, 'rest'],
  ] as const)('%j -> %s', (given, verdict) => {
    expect(afterExit(given).verdict).toBe(verdict);
  });

  it('names the cause', () => {
    expect(afterExit({ ...exit, exitCode: 137, oomKilled: true }).reason).toContain('memory');
    expect(afterExit({ ...exit, exitCode: 3 }).reason).toBe(
      'Ended unexpectedly with exit code 3; starting again in 1 s',
    );
  });

  it('waits 1, 2, 4 ... 60 seconds', () => {
    expect([1, 2, 3, 6, 7, 30].map(backOffSeconds)).toEqual([1, 2, 4, 32, 60, 60]);
  });
});
