import { Instance } from '../../../src/core/instances/instance.entity.js';
import { report } from '../../chaos/rig/rounds.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { type Held, SwitchableEngine } from '../../support/switchable-engine.js';
import { until } from '../../support/until.js';

/** R14: an agent may go in whatever state it is; `script/chaos` plays this file ten times. */
describe('deleting an agent in every state', () => {
  let fleet: Fleet;
  let engine: SwitchableEngine;
  beforeAll(async () => {
    fleet = await bootFleet({ engine: (config, installId) => (engine = new SwitchableEngine(config, installId)) });
  });
  afterAll(() => fleet.close());

  /**
   * Accepted, gone at once for readers, and soon without a trace at the engine; a second time harmless. `held` is what it was
   * in the middle of, which goes on only when nobody finds the agent any more.
   */
  async function expectDeleted(name: string, state: string, held?: Held): Promise<void> {
    const before = await fleet.instanceOf(name);
    const deletion = fleet.admin.delete(`/api/agents/${name}`);
    await until('nobody finds it', async () => (await fleet.admin.get(`/api/agents/${name}`)).status === 404);
    expect((await fleet.admin.delete(`/api/agents/${name}`)).status).toBe(404);
    report('deleted', [state], `it was ${before.state}, wanted ${before.desired}`);
    held?.release();
    const { status, body } = await deletion;
    expect([status, body]).toEqual([200, { message: `Agent ${name} deleted` }]);
    await until('the engine has nothing of it', async () => {
      const known = new Set((await fleet.db.of(Instance).find()).map((row) => row.id));
      const left = [...(await engine.list()), ...(await engine.listVolumes())];
      return left.every((one) => known.has(one.instanceId));
    });
    expect((await fleet.admin.delete(`/api/agents/${name}`)).status).toBe(404);
  }

  it('being made, while its image is built', async () => {
    let built: () => void = () => undefined;
    engine.building = new Promise((resolve) => (built = resolve));
    const made = fleet.admin.post('/api/agents', { name: 'a' });
    await until('it waits for the build', async () => {
      const row = await fleet.instanceOf('a').catch(() => null);
      return row?.reason === 'building scripted';
    });
    await expectDeleted('a', 'being made');
    expect([(await made).status, (await made).body]).toEqual([409, { detail: 'The agent was deleted meanwhile' }]);
    engine.building = null;
    built();
  });

  it('running', async () => {
    await fleet.givenAgent('b');
    await expectDeleted('b', 'running');
  });

  it('in the middle of a turn', async () => {
    await fleet.givenAgent('c');
    const turn = fleet.chat('c', '<<slow 1000 50>>');
    await until('the turn runs', async () => {
      const [row] = await fleet.db.query<{ n: string }>(
        `select count(*) as n from turns t join agents a on a.id = t.agent_id where a.slug = 'c' and t.state = 'running'`,
      );
      return row?.n === '1';
    });
    await expectDeleted('c', 'in a turn');
    expect((await turn).status).toBe(404);
  });

  it('being stopped', async () => {
    await fleet.givenAgent('d');
    const held = engine.hold('stop');
    const stopped = fleet.admin.post('/api/agents/d/stop');
    await held.reached;
    expect((await fleet.instanceOf('d')).state).toBe('stopping');
    await expectDeleted('d', 'being stopped', held);
    expect([(await stopped).status, (await stopped).body]).toEqual([
      409,
      { detail: 'The agent was deleted meanwhile' },
    ]);
  });

  it('stopped', async () => {
    await fleet.givenAgent('e');
    await fleet.admin.post('/api/agents/e/stop');
    await expectDeleted('e', 'stopped');
  });

  it('being started', async () => {
    await fleet.givenAgent('f');
    await fleet.admin.post('/api/agents/f/stop');
    const held = engine.hold('start');
    const started = fleet.admin.post('/api/agents/f/start');
    await held.reached;
    expect((await fleet.instanceOf('f')).state).toBe('provisioning');
    await expectDeleted('f', 'being started', held);
    expect([(await started).status, (await started).body]).toEqual([
      409,
      { detail: 'The agent was deleted meanwhile' },
    ]);
  });

  it('being renamed', async () => {
    await fleet.givenAgent('r');
    const held = engine.hold('stop');
    const renamed = fleet.admin.put('/api/agents/r/rename', { new_name: 'renamed' });
    await held.reached;
    await expectDeleted('r', 'being renamed', held);
    expect([(await renamed).status, (await renamed).body]).toEqual([
      409,
      { detail: 'The agent was deleted meanwhile' },
    ]);
    expect((await fleet.admin.get('/api/agents/renamed')).status).toBe(404);
  });

  it('being deleted', async () => {
    await fleet.givenAgent('k');
    const held = engine.hold('remove');
    const first = fleet.admin.delete('/api/agents/k');
    await held.reached;
    expect((await fleet.admin.delete('/api/agents/k')).status).toBe(404);
    // Its name is free at once, although its container is still there.
    expect((await fleet.admin.post('/api/agents', { name: 'k' })).status).toBe(200);
    held.release();
    expect((await first).status).toBe(200);
    await expectDeleted('k', 'being deleted');
  });

  it('ended by itself, waiting for its next attempt', async () => {
    await fleet.givenAgent('g');
    const { id } = await fleet.instanceOf('g');
    const failed = { state: 'stopped', failures: 4, retryAt: new Date(Date.now() + 60_000) } as const;
    await fleet.db.run((tx) => tx.of(Instance).update({ id }, failed));
    await expectDeleted('g', 'waiting for its next attempt');
  });

  it('failed', async () => {
    await fleet.givenAgent('h');
    const { id, ref } = await fleet.instanceOf('h');
    await fleet.admin.post('/api/agents/h/stop');
    const givenUp = { desired: 'running', state: 'failed', reason: 'gave up', failures: 6, retryAt: null } as const;
    await fleet.db.run((tx) => tx.of(Instance).update({ id }, { ...givenUp, ref }));
    await expectDeleted('h', 'failed');
  });

  it('while the engine is away', async () => {
    await fleet.givenAgent('i');
    engine.leave();
    await until('the engine is missed', async () => (await fleet.request('GET', '/health/ready')).status === 503);
    const { status } = await fleet.admin.delete('/api/agents/i');
    expect(status).toBe(200);
    expect((await fleet.admin.delete('/api/agents/i')).status).toBe(404);
    report('deleted', ['running, its engine away'], 'answered 200');
    engine.comeBack();
    await until('nothing is left of it', async () => (await engine.listVolumes()).length === 0);
  });
});
