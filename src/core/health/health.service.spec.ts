import { Clock } from '../clock.port.js';
import { HealthService } from './health.service.js';

/** Time that stands still until it is told to jump. */
class StillClock extends Clock {
  private readonly sleepers: (() => void)[] = [];
  override now(): Date {
    return new Date(0);
  }
  override after(_ms: number, run: () => void): () => void {
    this.sleepers.push(run);
    return () => undefined;
  }
  override sleep(): Promise<void> {
    return new Promise((resolve) => this.sleepers.push(resolve));
  }
  jump(): void {
    for (const wake of this.sleepers) wake();
  }
}

describe('HealthService', () => {
  it('is ready when every check says so', async () => {
    const health = new HealthService(new StillClock());
    health.register('engine', () => ({ ok: true }));
    health.register('database', () => Promise.resolve({ ok: true }));

    expect(await health.readiness()).toEqual({ ready: true, checks: { database: { ok: true }, engine: { ok: true } } });
  });

  it('names the check that fails, with its reason', async () => {
    const health = new HealthService(new StillClock());
    health.register('engine', () => ({ ok: false, reason: 'Docker does not answer' }));
    health.register('database', () => Promise.reject(new Error('gone')));

    expect(await health.readiness()).toEqual({
      ready: false,
      checks: { database: { ok: false, reason: 'gone' }, engine: { ok: false, reason: 'Docker does not answer' } },
    });
  });

  it('gives up on a check that says nothing', async () => {
    const clock = new StillClock();
    const health = new HealthService(clock);
    health.register('engine', () => new Promise(() => undefined));

    const answer = health.readiness();
    clock.jump();

    expect(await answer).toEqual({ ready: false, checks: { engine: { ok: false, reason: 'no answer within 3 s' } } });
  });
});
