import { User } from '../../../src/core/accounts/user.entity.js';
import { ChannelError, Channels } from '../../../src/core/instances/channel.port.js';
import { AgentStarts } from '../../../src/core/sessions/agent-starts.service.js';
import { ownIdOf, publicIdOf } from '../../../src/dialects/hostedagents/words.js';
import { newThing, place } from '../../security/support/things.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { SwitchableEngine } from '../../support/switchable-engine.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

type Body = Answer['body'];
const agents = '/api/v1/agents';
const far = new Date(Date.now() + 86_400_000);
const multipart = { 'content-type': 'multipart/form-data; boundary=x' };
const file = '--x\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nhi\r\n--x--\r\n';

/** Every call of the matrix, with what it is answered; `quiet`: where the agent does not run. */
interface Cell {
  readonly call: string;
  readonly json?: object;
  readonly quiet: 'same' | 'invalid_state' | 'agent_not_running';
  /** Where its container says nothing; null: asked elsewhere, because it changes what the others are asked. */
  readonly silent: number | null;
}
const unknown = '0'.repeat(32);
const cells: readonly Cell[] = [
  { call: 'GET ', quiet: 'same', silent: 200 },
  { call: 'GET /messages', quiet: 'same', silent: 200 },
  { call: 'GET /sessions', quiet: 'same', silent: 200 },
  { call: 'PATCH ', json: { name: 'other' }, quiet: 'same', silent: 200 },
  { call: 'POST /messages', json: { message: 'x' }, quiet: 'agent_not_running', silent: 502 },
  { call: 'GET /usage', quiet: 'agent_not_running', silent: 502 },
  { call: 'POST /abort', quiet: 'agent_not_running', silent: 502 },
  { call: 'POST /files', quiet: 'agent_not_running', silent: 502 },
  { call: 'GET /files', quiet: 'agent_not_running', silent: 502 },
  { call: 'GET /permissions', quiet: 'agent_not_running', silent: 502 },
  { call: `POST /permissions/per_${unknown}/reply`, json: { reply: 'once' }, quiet: 'agent_not_running', silent: 502 },
  { call: 'GET /questions', quiet: 'agent_not_running', silent: 502 },
  { call: `POST /questions/q_${unknown}/reply`, json: { answers: [] }, quiet: 'agent_not_running', silent: 502 },
  { call: 'POST /start', quiet: 'invalid_state', silent: 503 },
  { call: 'POST /stop', quiet: 'invalid_state', silent: null },
  { call: 'POST /restart', quiet: 'invalid_state', silent: null },
  { call: 'DELETE ', quiet: 'same', silent: 200 },
];

/** The matrix of states (contract 1.5), and what moves between them (2.6 to 2.8). */
describe('the states of an agent', () => {
  let fleet: Fleet;
  let hosted: TrinityClient;
  let engine: SwitchableEngine;
  beforeAll(async () => {
    fleet = await bootFleet({
      engine: (config, installId) => (engine = new SwitchableEngine(config, installId)),
      env: { HOSTEDAGENTS_MAX_RUNNING: '1000', HOSTEDAGENTS_MODELS: 'openai/a,openai/b' },
    });
    hosted = await fleet.hosted();
  });
  afterAll(() => fleet.close());

  async function given(): Promise<string> {
    const made = await hosted.post(agents, { name: 'given' });
    expect([made.status, made.status === 200 ? null : made.body]).toEqual([200, null]);
    return String(made.body['agentId']);
  }
  const post = (id: string, call: string, body?: object) => hosted.post(`${agents}/${id}/${call}`, body);
  const read = async (id: string): Promise<Body> => (await hosted.get(`${agents}/${id}`)).body;
  const change = (id: string, fields: string): Promise<unknown> =>
    fleet.db.query(`update instances set ${fields} where agent_id = $1`, [ownIdOf(id)]);
  const send = ({ call, json }: Cell, id: string) => {
    const [method = '', rest = ''] = call.split(' ');
    const body = call === 'POST /files' ? { body: file, headers: multipart } : json ? { json } : {};
    return fleet.request(method, `${agents}/${id}${rest}`, { token: hosted.token ?? '', ...body });
  };

  // They wait for their next attempt, or nobody has heard of them, so that nobody moves them.
  it.each([
    ['STOPPED', `desired = 'stopped', state = 'stopped'`, null],
    ['PROVISIONING', `desired = 'running', state = 'provisioning', retry_at = '${far.toISOString()}'`, null],
    ['PROVISIONING', `desired = 'running', state = 'stopping'`, null],
    ['ERROR', `desired = 'running', state = 'failed', failures = 6, last_error = 'no such image'`, 'no such image'],
  ])('%s (%s)', async (status, fields, lastError) => {
    const owner = await fleet.db.of(User).findOneByOrFail({ username: 'admin' });
    const thing = newThing(`matrix-${status.toLowerCase()}`);
    await place(fleet.db, thing, owner, null);
    const id = publicIdOf(thing.agentId);
    await change(id, fields);
    expect(await read(id)).toMatchObject({ status, busy: false, reachable: false, lastError });
    for (const word of ['RUNNING', 'STOPPED', 'PROVISIONING', 'ERROR']) {
      const { body } = await hosted.get<{ agents: Body[] }>(`${agents}?status=${word}`);
      expect(body.agents.some((one) => one['agentId'] === id)).toBe(word === status);
    }
    for (const cell of cells) {
      // What rests is started, or need not be stopped: shown with a real one.
      if (status === 'STOPPED' && cell.quiet === 'invalid_state') continue;
      const answer = await send(cell, id);
      const wanted = cell.quiet === 'same' ? [200, undefined] : [400, cell.quiet];
      const code = (answer.body as { code?: string }).code;
      expect([cell.call, answer.status, code]).toEqual([cell.call, ...wanted]);
    }
  });

  it('one whose container says nothing', async () => {
    const id = await given();
    const channels = fleet.app.get(Channels);
    const real = channels.of.bind(channels);
    const deaf = jest
      .spyOn(channels, 'of')
      .mockImplementation((instance, user) =>
        user === 'developer' ? Promise.reject(new ChannelError('timeout', 'silent')) : real(instance, user),
      );
    for (const cell of cells) {
      if (cell.silent === null) continue;
      if (cell.call === 'DELETE ') deaf.mockRestore();
      const answer = await send(cell, id);
      expect([cell.call, answer.status]).toEqual([cell.call, cell.silent]);
      const code = { 502: 'agent_unreachable', 503: 'start_failed' }[cell.silent];
      if (code) expect(answer.body).toMatchObject({ code });
      if (cell.silent === 502) expect(await read(id)).toMatchObject({ status: 'RUNNING', reachable: false });
    }
  });

  it('one that waits for its next attempt is stopped for good, or started at once', async () => {
    const id = await given();
    await post(id, 'stop');
    const waits = `desired = 'running', failures = 1, retry_at = '${far.toISOString()}', last_error = 'it crashed'`;
    await change(id, waits);
    expect(await read(id)).toMatchObject({ status: 'STOPPED', lastError: 'it crashed' });
    expect((await post(id, 'stop')).body).toMatchObject({ status: 'STOPPED', stopped: true });
    expect((await post(id, 'stop')).body).toMatchObject({ status: 'STOPPED', stopped: false });
    const rows = await fleet.db.query('select desired from instances where agent_id = $1', [ownIdOf(id)]);
    expect(rows).toEqual([{ desired: 'stopped' }]);
    await change(id, waits);
    expect((await post(id, 'start')).body).toEqual({ agentId: id, status: 'RUNNING', started: true });
    expect(await read(id)).toMatchObject({ status: 'RUNNING', lastError: null });
  });

  it('ERROR is left by force', async () => {
    const id = await given();
    await change(id, `state = 'failed', failures = 6`);
    expect((await post(id, 'restart')).status).toBe(400);
    expect((await post(id, 'restart', { force: true })).body).toMatchObject({ restarted: true });
    expect(await read(id)).toMatchObject({ status: 'RUNNING', lastError: null });
  });

  it('while one is restarted it is neither started, stopped nor restarted', async () => {
    const id = await given();
    let go = (): void => undefined;
    engine.starting = new Promise((resolve) => (go = resolve));
    const restarting = post(id, 'restart');
    await until('it is taken down', async () => (await read(id))['status'] === 'PROVISIONING');
    for (const [call, body] of [['start'], ['stop'], ['restart'], ['restart', { force: true }]] as const) {
      const { status, body: refused } = await post(id, call, body);
      expect([call, status, refused]).toMatchObject([call, 400, { code: 'invalid_state' }]);
    }
    engine.starting = null;
    go();
    expect((await restarting).body).toEqual({ agentId: id, status: 'RUNNING', restarted: true });
  });

  it('another model is used from the next start on', async () => {
    const id = await given();
    const used = async (): Promise<unknown> =>
      (
        await fleet.db.query('select model, provider, next_model is null as settled from agents where id = $1', [
          ownIdOf(id),
        ])
      )[0];
    const patch = (model: string | null) => hosted.patch(`${agents}/${id}`, { model });
    expect((await patch('openai/b')).body).toMatchObject({ status: 'RUNNING', model: 'openai/b' });
    expect(await used()).toEqual({ model: 'a', provider: 'openai', settled: false });
    await post(id, 'restart');
    expect(await used()).toEqual({ model: 'b', provider: 'openai', settled: true });
    // Chosen, and chosen back: nothing changes.
    await patch('openai/a');
    expect((await patch('openai/b')).body['model']).toBe('openai/b');
    expect(await used()).toEqual({ model: 'b', provider: 'openai', settled: true });
    await patch('openai/a');
    await post(id, 'stop');
    expect((await patch(null)).body['model']).toBe('openai/a');
    expect(await used()).toEqual({ model: 'a', provider: 'openai', settled: true });
    await post(id, 'start');
    expect(await read(id)).toMatchObject({ model: 'openai/a' });
    expect(await used()).toEqual({ model: 'a', provider: 'openai', settled: true });
  });

  it('a start that misses its 30 seconds is given up, and may be tried again', async () => {
    const id = await given();
    await post(id, 'stop');
    let go = (): void => undefined;
    engine.starting = new Promise((resolve) => (go = resolve));
    const starts = fleet.app.get(AgentStarts);
    const real = starts.start.bind(starts);
    const hasty = jest.spyOn(starts, 'start').mockImplementation((who, agent, options) => {
      expect(options.waitSeconds).toBe(30);
      return real(who, agent, { ...options, waitSeconds: 0.2 });
    });
    const { status, body } = await post(id, 'start');
    hasty.mockRestore();
    const error = expect.stringContaining('did not start within') as string;
    expect([status, body]).toEqual([503, { error, code: 'start_failed', agentId: id }]);
    engine.starting = null;
    go();
    const stopped = await until('it rests', async () => {
      const now = await read(id);
      return now['status'] === 'STOPPED' && now;
    });
    expect(stopped['lastError']).toEqual(error);
    expect((await post(id, 'start')).body).toMatchObject({ started: true });
    expect(await read(id)).toMatchObject({ status: 'RUNNING', lastError: null });
  });
});
