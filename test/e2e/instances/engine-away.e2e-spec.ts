import { stoppedOutside } from '../../../src/core/instances/exit.rules.js';
import { Instance } from '../../../src/core/instances/instance.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { SwitchableEngine } from '../../support/switchable-engine.js';
import { until } from '../../support/until.js';

/** An answer that is quick enough for a person who waits. */
const quickMs = 2000;

describe('while the engine is away', () => {
  let fleet: Fleet;
  let engine: SwitchableEngine;
  beforeAll(async () => {
    fleet = await bootFleet({ engine: (config, installId) => (engine = new SwitchableEngine(config, installId)) });
    await fleet.givenAgent('alpha');
    await fleet.givenAgent('beta');
    await fleet.givenAgent('gone-soon');
  });
  beforeEach(async () => {
    engine.leave();
    await untilReady(503);
  });
  afterAll(() => fleet.close());

  const untilReady = (status: number) =>
    until(`readiness answers ${status}`, async () => (await fleet.request('GET', '/health/ready')).status === status);

  it('answers reads from what is stored, and says so', async () => {
    const list = await fleet.admin.get<{ name: string; status: string }[]>('/api/agents');
    expect(list.status).toBe(200);
    expect(list.body.map(({ name }) => name).sort()).toEqual(['alpha', 'beta', 'gone-soon']);
    expect(list.headers.get('x-flotilla-engine')).toBe('unreachable');
    expect((await fleet.admin.get('/api/agents/alpha')).body['status']).toBe('running');
  });

  it('is alive, and not ready with a reason', async () => {
    expect((await fleet.request('GET', '/health')).status).toBe(200);
    const { status, body } = await fleet.request('GET', '/health/ready');
    expect(status).toBe(503);
    expect(JSON.stringify(body)).toContain('local: the engine was switched off by the test');
  });

  it.each([
    ['create', 'POST', '/api/agents', { name: 'never-made' }],
    ['start', 'POST', '/api/agents/alpha/start', {}],
    ['stop', 'POST', '/api/agents/alpha/stop', {}],
    ['rename of a running one', 'PUT', '/api/agents/alpha/rename', { new_name: 'omega' }],
  ])('refuses %s at once', async (_what, method, path, json) => {
    const began = Date.now();
    const answer = await fleet.request(method, path, { json, token: fleet.admin.token ?? '' });
    expect([answer.status, answer.body]).toEqual([503, { detail: 'Docker is not available' }]);
    expect(answer.headers.get('retry-after')).toBe('2');
    expect(Date.now() - began).toBeLessThan(quickMs);
    expect((await fleet.admin.get('/api/agents/never-made')).status).toBe(404);
  });

  it('accepts a deletion, and clears away when the engine is back', async () => {
    const { id } = await fleet.instanceOf('gone-soon');
    expect((await fleet.admin.delete('/api/agents/gone-soon')).status).toBe(200);
    expect((await fleet.admin.get('/api/agents/gone-soon')).status).toBe(404);
    expect((await fleet.admin.delete('/api/agents/gone-soon')).status).toBe(404);
    engine.comeBack();
    await until('its container is gone', async () => (await engine.inspect(id).catch(() => 'away')) === null);
    await until('its folder is gone', async () => !(await engine.listVolumes()).some((one) => one.instanceId === id));
  });

  it.each([
    ['just before it went', 5, 'running'],
    ['long before it went', 300, 'stopped'],
  ])('an agent that was stopped at the engine %s is then %s', async (_when, secondsAgo, then) => {
    engine.comeBack();
    await untilReady(200);
    await fleet.admin.post('/api/agents/beta/start');
    await fleet.admin.post('/api/agents/beta/stop');
    // What a `docker stop` leaves, and an engine that stops its containers on its way out.
    await fleet.db.query(
      `update instances set reason = $1, state_since = now() - $2 * interval '1 second' where agent_id in (select id from agents where slug = 'beta')`,
      [stoppedOutside, secondsAgo],
    );
    engine.leave();
    await untilReady(503);
    engine.comeBack();
    await untilReady(200);
    await until(`it is ${then}`, async () => (await fleet.instanceOf('beta')).desired === then);
    if (then === 'running') await until('it runs', async () => (await fleet.instanceOf('beta')).state === 'running');
  });

  it('starts again what was wanted running and ended meanwhile, and leaves alone what was not', async () => {
    engine.comeBack();
    await untilReady(200);
    await fleet.admin.post('/api/agents/beta/stop');
    engine.leave();
    await untilReady(503);
    const { ref, id, boot } = await fleet.instanceOf('alpha');
    // As after an engine that restarted five times in a row: that is none of the agent's own failures.
    await fleet.db.run((tx) => tx.of(Instance).update({ id }, { failures: 5 }));
    await engine.kill(ref ?? ''); // behind the server's back
    engine.comeBack();
    await until('alpha runs anew', async () => {
      const row = await fleet.instanceOf('alpha');
      return row.id === id && row.state === 'running' && row.boot !== boot;
    }).catch(async (error: unknown) => {
      throw new Error(`${String(error)}: ${JSON.stringify(await fleet.instanceOf('alpha'))}`);
    });
    expect((await fleet.instanceOf('beta')).state).toBe('stopped');
    expect((await fleet.chat('alpha', '<<say awake>>')).body['response']).toBe('awake');
  });
});
