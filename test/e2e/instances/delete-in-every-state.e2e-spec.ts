import { Instance } from '../../../src/core/instances/instance.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { SwitchableEngine } from '../../support/switchable-engine.js';
import { until } from '../../support/until.js';

describe('deleting an agent in every state', () => {
  let fleet: Fleet;
  let engine: SwitchableEngine;
  beforeAll(async () => {
    fleet = await bootFleet({ engine: (config, installId) => (engine = new SwitchableEngine(config, installId)) });
  });
  afterAll(() => fleet.close());

  /** Accepted, gone at once for readers, and soon without a trace at the engine; a second time harmless. */
  async function expectDeleted(name: string): Promise<void> {
    const { status, body } = await fleet.admin.delete(`/api/agents/${name}`);
    expect([status, body]).toEqual([200, { message: `Agent ${name} deleted` }]);
    expect((await fleet.admin.get(`/api/agents/${name}`)).status).toBe(404);
    expect((await fleet.admin.delete(`/api/agents/${name}`)).status).toBe(404);
    await until('the engine has nothing of it', async () => {
      const known = new Set((await fleet.db.of(Instance).find()).map((row) => row.id));
      const left = [...(await engine.list()), ...(await engine.listVolumes())];
      return left.every((one) => known.has(one.instanceId));
    });
  }

  it('being made, while its image is built', async () => {
    let built: () => void = () => undefined;
    engine.building = new Promise((resolve) => (built = resolve));
    const made = fleet.admin.post('/api/agents', { name: 'a' });
    await until('it waits for the build', async () => {
      const row = await fleet.instanceOf('a').catch(() => null);
      return row?.reason === 'building scripted';
    });
    await expectDeleted('a');
    expect([(await made).status, (await made).body]).toEqual([409, { detail: 'The agent was deleted meanwhile' }]);
    engine.building = null;
    built();
  });

  it('running', async () => {
    await fleet.givenAgent('b');
    await expectDeleted('b');
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
    await expectDeleted('c');
    expect((await turn).status).toBe(404);
  });

  it('being stopped', async () => {
    await fleet.givenAgent('d');
    const stopped = fleet.admin.post('/api/agents/d/stop');
    await until('the stop was asked', async () => (await fleet.instanceOf('d')).desired === 'stopped');
    await expectDeleted('d');
    expect([200, 409]).toContain((await stopped).status);
  });

  it('stopped', async () => {
    await fleet.givenAgent('e');
    await fleet.admin.post('/api/agents/e/stop');
    await expectDeleted('e');
  });

  it('being started', async () => {
    await fleet.givenAgent('f');
    await fleet.admin.post('/api/agents/f/stop');
    const started = fleet.admin.post('/api/agents/f/start');
    await until('the start was asked', async () => (await fleet.instanceOf('f')).desired === 'running');
    await expectDeleted('f');
    expect([200, 409]).toContain((await started).status);
  });

  it('ended by itself, waiting for its next attempt', async () => {
    await fleet.givenAgent('g');
    const { id } = await fleet.instanceOf('g');
    const failed = { state: 'stopped', failures: 4, retryAt: new Date(Date.now() + 60_000) } as const;
    await fleet.db.run((tx) => tx.of(Instance).update({ id }, failed));
    await expectDeleted('g');
  });

  it('failed', async () => {
    await fleet.givenAgent('h');
    const { id, ref } = await fleet.instanceOf('h');
    await fleet.admin.post('/api/agents/h/stop');
    const givenUp = { desired: 'running', state: 'failed', reason: 'gave up', failures: 6, retryAt: null } as const;
    await fleet.db.run((tx) => tx.of(Instance).update({ id }, { ...givenUp, ref }));
    await expectDeleted('h');
  });

  it('while the engine is away', async () => {
    await fleet.givenAgent('i');
    engine.leave();
    await until('the engine is missed', async () => (await fleet.request('GET', '/health/ready')).status === 503);
    const { status } = await fleet.admin.delete('/api/agents/i');
    expect(status).toBe(200);
    engine.comeBack();
    await until('nothing is left of it', async () => (await engine.listVolumes()).length === 0);
  });
});
