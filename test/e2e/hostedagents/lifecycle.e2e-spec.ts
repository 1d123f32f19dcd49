import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { ownIdOf, publicIdOf } from '../../../src/dialects/hostedagents/words.js';
import { User } from '../../../src/core/accounts/user.entity.js';
import { newThing, place } from '../../security/support/things.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { SwitchableEngine } from '../../support/switchable-engine.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

type Body = Answer['body'];
const agents = '/api/v1/agents';

/** Making, starting, stopping, changing and deleting (contract sections 1.5, 1.6, 2). */
describe('agents of the Hosted Agents API', () => {
  let fleet: Fleet;
  let hosted: TrinityClient;
  let engine: SwitchableEngine;
  beforeAll(async () => {
    fleet = await bootFleet({
      engine: (config, installId) => (engine = new SwitchableEngine(config, installId)),
      env: { HOSTEDAGENTS_MAX_RUNNING: '1000' },
    });
    hosted = await fleet.hosted();
  });
  afterAll(() => fleet.close());

  async function given(body: object = {}): Promise<string> {
    const made = await hosted.post(agents, { name: 'given', ...body });
    expect([made.status, made.status === 200 ? null : made.body]).toEqual([200, null]);
    return String(made.body['agentId']);
  }
  const read = async (id: string): Promise<Body> => (await hosted.get(`${agents}/${id}`)).body;
  const idle = (id: string): Promise<Body> =>
    until('it is idle', async () => {
      const body = await read(id);
      return body['status'] === 'RUNNING' && body['busy'] === false && body;
    });
  const turnsOf = (id: string) =>
    fleet.db.query<{ prompt: string; answer: string; state: string }>(
      'select prompt, answer, state from turns where agent_id = $1 order by number',
      [ownIdOf(id)],
    );

  it('a prompt at creation is the first message of one session, which is busy before the answer is sent', async () => {
    const { status, body } = await hosted.post<Record<string, unknown>>(agents, {
      name: '  build agent ',
      initialPrompt: 'begin <<slow 3 300>> <<say built>>',
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'build agent', status: 'RUNNING', scopeId: null, scope: null });
    const sessions = body['sessions'] as { id: string }[];
    expect(sessions.map(({ id }) => id)).toEqual([expect.stringMatching(/^ses_[0-9a-f]{32}$/)]);
    const id = String(body['agentId']);
    expect(await read(id)).toMatchObject({
      busy: true,
      reachable: true,
      sessions: [{ id: sessions[0]?.id, busy: true }],
    });
    expect(await idle(id)).toMatchObject({ sessions: [{ busy: false }], pendingPermissions: 0, lastError: null });
    expect(await turnsOf(id)).toEqual([
      {
        prompt: 'begin <<slow 3 300>> <<say built>>',
        answer: expect.stringMatching(/built$/) as string,
        state: 'finished',
      },
    ]);
  });

  it('names are free text, and need not differ', async () => {
    const made = [];
    for (const name of ['日本', '日本', 'a'.repeat(100), 'scheduler', 'given']) made.push(await given({ name }));
    expect(new Set(made).size).toBe(5);
    expect((await hosted.post(agents, { name: 'a'.repeat(101) })).status).toBe(400);
    const slugs = (await fleet.admin.get<{ name: string }[]>('/api/agents')).body.map(({ name }) => name);
    expect(slugs).toEqual(expect.arrayContaining(['agent', 'agent-2', 'scheduler-agent', 'a'.repeat(48)]));
  });

  it('without a prompt, or with a blank one, there is no session', async () => {
    const { body } = await hosted.post(agents, { name: 'quiet', initialPrompt: '  \n', hiddenPrompt: null, more: 1 });
    expect(body).toMatchObject({ sessions: [], status: 'RUNNING' });
    expect(await read(String(body['agentId']))).toMatchObject({ busy: false, sessions: [] });
  });

  it('a hidden prompt lies in one file beside the home, over restarts, and is shown nowhere', async () => {
    const secret = `ZEBRA-${randomUUID()}`;
    const made = await hosted.post(agents, { name: 'hidden', hiddenPrompt: secret, initialPrompt: 'go <<say gone>>' });
    const id = String(made.body['agentId']);
    const seen = [JSON.stringify(made.body), JSON.stringify(await idle(id))];
    const slug =
      (await fleet.db.query<{ slug: string }>('select slug from agents where id = $1', [ownIdOf(id)]))[0]?.slug ?? '';
    const found = (): string[] =>
      execFileSync('sh', ['-c', `grep -rlF '${secret}' '${fleet.dataDir}' || true`], { encoding: 'utf8' })
        .trim()
        .split('\n');
    expect(found()).toEqual([expect.stringMatching(/\/tmp\/flotilla-context\/instructions\.md$/)]);
    expect((await hosted.post(`${agents}/${id}/restart`)).status).toBe(200);
    await fleet.chat(slug, 'again <<say again>>');
    expect(found()).toHaveLength(1);
    for (const path of ['', '/logs', '/files?path=/', '/chat/history', '/activity', '/info']) {
      seen.push(JSON.stringify((await fleet.admin.get(`/api/agents/${slug}${path}`)).body));
    }
    for (const table of ['outbox', 'session_events', 'audit_entries', 'runtime_lines', 'agents']) {
      const rows = await fleet.db.query(`select t::text as row from ${table} t`, []).catch(() => []);
      seen.push(JSON.stringify(rows));
    }
    seen.push(JSON.stringify((await hosted.get(agents)).body));
    for (const text of seen) expect(text).not.toContain(secret);
  });

  it('models come from the list', async () => {
    const { body } = await hosted.get<{ models: { id: string; default: boolean }[] }>('/api/v1/models');
    const standard = body.models.find((one) => one.default)?.id;
    const [other] = body.models.map(({ id }) => id).reverse();
    expect((await read(await given()))['model']).toBe(standard);
    const id = await given({ model: other });
    expect((await read(id))['model']).toBe(other);
    const refused = await hosted.post(agents, { name: 'a', model: 'no/such' });
    expect([refused.status, refused.body]).toEqual([
      400,
      { error: expect.stringMatching(/list/) as string, code: 'invalid_request', field: 'model' },
    ]);
    expect((await hosted.patch(`${agents}/${id}`, { model: 'no/such' })).status).toBe(400);
    const changed = await hosted.patch(`${agents}/${id}`, { name: ' other ', model: standard });
    expect(changed.body).toMatchObject({ name: 'other', model: standard });
    for (const bad of [{}, { name: '' }, { name: null }, { name: 7 }, { model: 7 }]) {
      expect((await hosted.patch(`${agents}/${id}`, bad)).status).toBe(400);
    }
  });

  it('stops, starts and restarts; each says whether it did something', async () => {
    const id = await given({ initialPrompt: 'hello <<say hi>>' });
    await idle(id);
    const post = async (call: string, body?: object) => {
      const answer = await hosted.post(`${agents}/${id}/${call}`, body);
      return [answer.status, answer.body];
    };
    expect(await post('start')).toEqual([200, { agentId: id, status: 'RUNNING', started: false }]);
    expect(await post('stop')).toEqual([200, { agentId: id, status: 'STOPPED', stopped: true }]);
    expect(await post('stop')).toEqual([200, { agentId: id, status: 'STOPPED', stopped: false }]);
    const stopped = await read(id);
    expect(stopped).toMatchObject({ status: 'STOPPED', busy: false, reachable: false, lastError: null });
    expect(stopped['stoppedAt']).toMatch(/Z$/);
    const both = await Promise.all([post('start', { ignored: true }), post('start')]);
    expect(both.map(([status]) => status)).toEqual([200, 200]);
    expect(both.map(([, body]) => (body as Body)['started']).sort()).toEqual([false, true]);
    expect(await post('restart')).toEqual([200, { agentId: id, status: 'RUNNING', restarted: true }]);
    await post('stop');
    expect(await post('restart', { force: false })).toEqual([200, { agentId: id, status: 'RUNNING', restarted: true }]);
    expect(await read(id)).toMatchObject({ status: 'RUNNING', stoppedAt: null, sessions: [{ busy: false }] });
    expect(await turnsOf(id)).toHaveLength(1);
    expect((await hosted.post(`${agents}/${id}/restart`, { force: 'yes' })).status).toBe(400);
  });

  it('is gone when it is deleted, in any state', async () => {
    const id = await given();
    expect((await hosted.delete(`${agents}/${id}`)).body).toEqual({ deleted: true });
    for (const answer of [await hosted.delete(`${agents}/${id}`), await hosted.get(`${agents}/${id}`)]) {
      expect([answer.status, answer.body]).toEqual([404, { error: 'Agent not found', code: 'agent_not_found' }]);
    }
  });

  describe('the matrix of states', () => {
    const far = new Date(Date.now() + 86_400_000);
    const rows = {
      STOPPED: { desired: 'stopped', state: 'stopped' },
      // It waits for its next attempt, so that nobody moves it.
      PROVISIONING: { desired: 'running', state: 'provisioning', retryAt: far },
      ERROR: { desired: 'running', state: 'failed', failures: 6, reason: 'no such image', lastError: 'no such image' },
    } as const;
    const calls = ['GET ', 'PATCH ', 'POST /start', 'POST /stop', 'POST /restart', 'DELETE '] as const;
    const refused = { 'POST /start': 400, 'POST /stop': 400, 'POST /restart': 400 };
    const unmoved = { 'GET ': 200, 'PATCH ': 200, ...refused, 'DELETE ': 200 };
    const wanted: Record<keyof typeof rows, Partial<Record<(typeof calls)[number], number>>> = {
      STOPPED: { 'GET ': 200, 'PATCH ': 200, 'POST /stop': 200, 'DELETE ': 200 },
      PROVISIONING: unmoved,
      ERROR: unmoved,
    };
    it.each(Object.keys(rows) as (keyof typeof rows)[])('%s', async (state) => {
      const owner = await fleet.db.of(User).findOneByOrFail({ username: 'admin' });
      const thing = newThing(`matrix-${state.toLowerCase()}`);
      await place(fleet.db, thing, owner, null);
      const fields = rows[state];
      await fleet.db.query(
        'update instances set desired = $2, state = $3, retry_at = $4, failures = $5, reason = $6, last_error = $6 where agent_id = $1',
        [
          thing.agentId,
          fields.desired,
          fields.state,
          'retryAt' in fields ? fields.retryAt : null,
          'failures' in fields ? fields.failures : 0,
          'reason' in fields ? fields.reason : null,
        ],
      );
      for (const call of calls) {
        const status = wanted[state][call];
        if (status === undefined) continue;
        const [method = '', rest = ''] = call.split(' ');
        const json = call === 'PATCH ' ? { json: { name: 'other' } } : {};
        const answer = await fleet.request(method, `${agents}/${publicIdOf(thing.agentId)}${rest}`, {
          token: hosted.token ?? '',
          ...json,
        });
        expect({ state, call, status: answer.status }).toEqual({ state, call, status });
        if (status === 400) expect(answer.body).toMatchObject({ code: 'invalid_state' });
        if (call === 'GET ') {
          expect(answer.body).toMatchObject({ status: state, busy: false, reachable: false });
          expect((answer.body as Body)['lastError']).toBe(state === 'ERROR' ? 'no such image' : null);
        }
      }
    });

    it('one that waits for its next attempt is stopped for good', async () => {
      const id = await given();
      await hosted.post(`${agents}/${id}/stop`);
      const wish = `update instances set desired = 'running', failures = 1, retry_at = $2 where agent_id = $1`;
      await fleet.db.query(wish, [ownIdOf(id), far]);
      expect((await hosted.post(`${agents}/${id}/stop`)).body).toMatchObject({ status: 'STOPPED', stopped: true });
      expect((await hosted.post(`${agents}/${id}/stop`)).body).toMatchObject({ status: 'STOPPED', stopped: false });
      const rows = await fleet.db.query('select desired from instances where agent_id = $1', [ownIdOf(id)]);
      expect(rows).toEqual([{ desired: 'stopped' }]);
    });

    it('ERROR is left by force', async () => {
      const id = await given();
      await fleet.db.query(`update instances set state = 'failed', failures = 6 where agent_id = $1`, [ownIdOf(id)]);
      expect((await hosted.post(`${agents}/${id}/restart`)).status).toBe(400);
      expect((await hosted.post(`${agents}/${id}/restart`, { force: true })).body).toMatchObject({ restarted: true });
      expect(await read(id)).toMatchObject({ status: 'RUNNING', lastError: null });
    });
  });

  it('one that takes long is PROVISIONING, and gets its prompt as soon as it is ready', async () => {
    let built = (): void => undefined;
    engine.building = new Promise((resolve) => (built = resolve));
    const making = hosted.post(agents, { name: 'slow one', initialPrompt: 'late <<say late>>' });
    const slow = await until('it is listed', async () => {
      const { body } = await hosted.get<{ agents: Body[] }>(`${agents}?status=PROVISIONING`);
      return body.agents.find((one) => one['name'] === 'slow one');
    });
    const id = String(slow['agentId']);
    expect(await read(id)).toMatchObject({ status: 'PROVISIONING', busy: false, sessions: [] });
    engine.building = null;
    built();
    expect((await making).body).toMatchObject({ agentId: id, status: 'RUNNING', sessions: [{}] });
    await idle(id);
    expect(await turnsOf(id)).toHaveLength(1);
  });

  it('while the engine is away nothing is made, started, stopped or deleted', async () => {
    const id = await given();
    engine.leave();
    await until('it is noticed', async () => (await read(id))['reachable'] === false);
    for (const call of [
      () => hosted.post(agents, { name: 'x' }),
      () => hosted.post(`${agents}/${id}/restart`),
      () => hosted.post(`${agents}/${id}/stop`),
      () => hosted.delete(`${agents}/${id}`),
    ]) {
      expect((await call()).status).toBe(503);
    }
    engine.comeBack();
    await until('it is back', async () => (await read(id))['reachable'] === true);
    expect((await hosted.delete(`${agents}/${id}`)).status).toBe(200);
  });
});

describe('the cap of agents that run at once', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet({ env: { HOSTEDAGENTS_MAX_RUNNING: '2' } });
  });
  afterAll(() => fleet.close());

  it('lets exactly one of a hundred racing creations through, and counts per organisation', async () => {
    const hosted = await fleet.hosted();
    expect((await hosted.post(agents, { name: 'first' })).status).toBe(200);
    const answers = await Promise.all(Array.from({ length: 100 }, () => hosted.post(agents, { name: 'racer' })));
    const made = answers.filter(({ status }) => status === 200);
    expect(made).toHaveLength(1);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused).toHaveLength(99);
    expect(refused[0]?.body).toEqual({ error: expect.stringMatching(/2 agents/) as string, code: 'concurrency_cap' });
    expect((await hosted.get(agents)).body).toMatchObject({ total: 2 });

    const id = String(made[0]?.body['agentId']);
    expect((await hosted.post(`${agents}/${id}/restart`)).status).toBe(200);
    await hosted.post(`${agents}/${id}/stop`);
    expect((await hosted.post(agents, { name: 'third' })).status).toBe(200);
    for (const call of ['start', 'restart']) {
      const full = await hosted.post(`${agents}/${id}/${call}`);
      expect([full.status, full.body['code']]).toEqual([503, 'concurrency_cap']);
    }
    const other = await fleet.hosted(await fleet.givenUser('other', { signedIn: true }));
    expect((await other.post(agents, { name: 'theirs' })).status).toBe(200);
  });
});
