import { Logger } from '@nestjs/common';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { until } from '../../../test/support/until.js';
import { HealthService } from '../health/health.service.js';
import type { Settings } from '../settings/settings.service.js';
import type { ContainerEngine, EngineSignal } from './engine.port.js';
import { EngineWatch } from './engine-watch.service.js';

/** An engine that may be away, and whose event stream finds back much later than a call does. */
class Engine {
  readonly kind = 'docker';
  away = false;
  broken = false;
  asked = 0;
  warnings = ['It limits nothing.'];

  connect(): Promise<object> {
    this.asked += 1;
    return this.away ? Promise.reject(new Error('away')) : Promise.resolve({ version: '1', warnings: this.warnings });
  }

  list(): Promise<[]> {
    return this.broken ? Promise.reject(new Error('broken')) : Promise.resolve([]);
  }

  async *events({ signal }: { signal: AbortSignal }): AsyncIterable<EngineSignal> {
    yield { kind: 'connected' };
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
}

describe('watching the engine', () => {
  const clock = new ManualClock();
  const engine = new Engine();
  const lists: boolean[] = [];
  const settings = { get: () => Promise.resolve(null), set: () => Promise.resolve() };
  const watch = new EngineWatch(
    engine as unknown as ContainerEngine,
    clock,
    settings as unknown as Settings,
    new HealthService(clock),
  );
  /** So much later, once everything that was due is done. */
  async function pass(ms: number): Promise<void> {
    const asked = engine.asked;
    clock.advance(ms);
    await until('the engine was asked', () => engine.asked > asked);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const warned = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
  const said = (): unknown[] => warned.mock.calls.map(([what]) => what as unknown);
  beforeAll(async () => {
    const listed = (_: unknown, afterGap: boolean): Promise<void> => {
      lists.push(afterGap);
      return Promise.resolve();
    };
    await watch.start({ listed, happened: () => undefined });
    await until('it listed', () => lists.length === 1);
  });
  afterAll(async () => {
    await watch.beforeApplicationShutdown();
    warned.mockRestore();
  });

  it('what the engine cannot do is told once, and something new when it is new', async () => {
    const about = (): unknown[] => said().filter((one) => engine.warnings.includes(String(one)));
    expect(about()).toEqual(['It limits nothing.']);
    await pass(5000);
    engine.warnings = ['It limits nothing.', 'It walls off nothing.'];
    await pass(5000);
    await pass(5000);
    expect(about()).toEqual(engine.warnings);
  });

  it('the list after it was away tells that events may have been missed, though the stream is not back yet', async () => {
    engine.away = true;
    await pass(5000);
    expect(watch.connected).toBe(false);
    lists.length = 0;
    engine.away = false;
    await pass(1000); // asked every second meanwhile
    await until('it is back', () => watch.connected);
    expect(lists).toEqual([true]);
  });

  it('a list that failed after a gap is made up for, and still tells of it', async () => {
    engine.away = true;
    await pass(5000);
    lists.length = 0;
    [engine.away, engine.broken] = [false, true];
    await pass(1000);
    await until('it is back', () => watch.connected);
    engine.broken = false;
    await pass(5000);
    await until('it listed', () => lists.length > 0);
    expect(lists).toEqual([true]);
  });

  it('lists again within 50 seconds', async () => {
    lists.length = 0;
    for (let seconds = 0; seconds < 50; seconds += 5) await pass(5000);
    expect(lists).toEqual([false]);
  });
});
