import { EngineError } from '../../../src/core/instances/engine.errors.js';
import type { Limits } from '../../../src/core/instances/engine.port.js';
import { AbleEngine } from '../../support/able-engine.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { text } from '../../support/trinity-shapes.js';

/** Refuses limits below what is said to be in use. */
class FullEngine extends AbleEngine {
  inUse = 0;

  override update(ref: string, limits: Limits): Promise<void> {
    if (limits.memoryBytes >= this.inUse) return super.update(ref, limits);
    return Promise.reject(new EngineError('refused', 'more memory is in use'));
  }
}

describe('resource limits', () => {
  let fleet: Fleet;
  const path = '/api/agents/worker/resources';
  beforeAll(async () => {
    fleet = await bootFleet({ engine: (config, installId) => new FullEngine(config, installId) });
    await fleet.givenAgent('worker', { resources: { cpu: '0.5', memory: '512m' } });
  });
  afterAll(() => fleet.close());

  const put = (change: object) => fleet.admin.put(path, change);
  const get = async (): Promise<unknown> => (await fleet.admin.get(path)).body;
  const has = async (): Promise<Limits | null | undefined> => {
    const { id } = await fleet.instanceOf('worker');
    return (await fleet.engine.inspect(id))?.limits;
  };

  it('are those it was made with at first', async () => {
    expect(await get()).toEqual({ memory: null, cpu: null, current_memory: '512m', current_cpu: '0.5' });
  });

  it.each([
    { memory: '3g' },
    { memory: 4 },
    { memory: '1G' },
    { cpu: '3' },
    { cpu: true },
    { cpu: [] },
    { memory: {} },
  ])('%j is not offered', async (change) => {
    const { status, body } = await put(change);
    expect([status, body]).toEqual([400, { detail: expect.stringContaining('must be one of') }]);
  });

  it('hold at once for a running agent, and show everywhere', async () => {
    const { ref } = await fleet.instanceOf('worker');
    const { status, body } = await put({ memory: '1g', cpu: '1' });
    expect([status, body]).toEqual([200, { message: text, memory: '1g', cpu: '1', restart_needed: false }]);
    expect(await has()).toMatchObject({ memoryBytes: 2 ** 30, cpus: 1 });
    expect(await get()).toEqual({ memory: '1g', cpu: '1', current_memory: '1g', current_cpu: '1' });
    const [listed] = (await fleet.admin.get<object[]>('/api/agents')).body;
    expect(listed).toMatchObject({ memory_limit: '1g', cpu_limit: '1', resources: { cpu: '1', memory: '1g' } });
    await fleet.admin.post('/api/agents/worker/start');
    expect((await fleet.instanceOf('worker')).ref).toBe(ref);
  });

  it('that the engine refuses now wait for the next start', async () => {
    (fleet.engine as FullEngine).inUse = 2 ** 40;
    const { ref } = await fleet.instanceOf('worker');
    expect((await put({ memory: '2g' })).body).toEqual({ message: text, memory: '2g', cpu: '1', restart_needed: true });
    expect(await get()).toEqual({ memory: '2g', cpu: '1', current_memory: '1g', current_cpu: '1' });
    expect((await fleet.admin.post('/api/agents/worker/start')).status).toBe(200);
    expect((await fleet.instanceOf('worker')).ref).not.toBe(ref);
    expect(await has()).toMatchObject({ memoryBytes: 2 ** 31 });
    expect(await get()).toMatchObject({ current_memory: '2g' });
    (fleet.engine as FullEngine).inUse = 0;
  });

  it('of a stopped agent wait for its start, and null gives back what it was made with', async () => {
    await fleet.admin.post('/api/agents/worker/stop');
    expect((await put({ memory: null, cpu: null })).body).toMatchObject({
      memory: null,
      cpu: null,
      restart_needed: true,
    });
    await fleet.admin.post('/api/agents/worker/start');
    expect(await get()).toEqual({ memory: null, cpu: null, current_memory: '512m', current_cpu: '0.5' });
  });

  it('are for owners to change', async () => {
    const bob = await fleet.givenUser('bob');
    expect((await bob.put(path, { memory: 'x' })).status).toBe(403);
    expect((await fleet.admin.put('/api/agents/nobody/resources', { memory: 'x' })).status).toBe(404);
  });
});
