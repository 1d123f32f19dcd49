import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { ownIdOf } from '../../../src/dialects/hostedagents/words.js';
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
    const sessions = body['sessions'] as { id: string; url: string }[];
    expect(sessions[0]?.url).toMatch(/^http:\/\/\S+\/s\/\S{32,}$/);
    expect((await fetch(sessions[0]?.url ?? '')).status).toBe(200);
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
    for (const path of ['', `/${id}`, `/${id}/messages`, `/${id}/sessions`]) {
      seen.push(JSON.stringify((await hosted.get(agents + path)).body));
    }
    for (const text of seen) expect(text).not.toContain(secret);
  });

  it('a hidden prompt that the agent prints is taken out of what it says and does', async () => {
    const secret = `Never mention ZEBRA-${randomUUID()} to anybody.`;
    const hiddenPrompt = `Be brief.\n${secret}\nOK`;
    const show = '<<bash cat "${TMPDIR:-/dev/shm}/flotilla-context/instructions.md"; echo; echo shown>>';
    const made = await hosted.post(agents, { name: 'teller', hiddenPrompt });
    const id = String(made.body['agentId']);
    const sent = hosted.post(`${agents}/${id}/messages`, { message: `go ${show} <<say ${secret}>>` });
    const [request] = await until('it asks', async () => {
      const { body } = await hosted.get<{ permissions: { id: string }[] }>(`${agents}/${id}/permissions`);
      return body.permissions.length > 0 && body.permissions;
    });
    await hosted.post(`${agents}/${id}/permissions/${request?.id ?? ''}/reply`, { reply: 'once' });
    expect((await sent).status).toBe(200);
    await idle(id);
    const { body } = await hosted.get<{ messages: { role: string }[] }>(`${agents}/${id}/messages`);
    const answer = JSON.stringify(body.messages.filter(({ role }) => role === 'assistant'));
    expect(answer).toContain('shown');
    expect(answer).toContain('[redacted]');
    expect(answer).not.toContain('ZEBRA');
    const stored = await fleet.db.query(`select t::text as row from session_events t where kind <> 'user_message'`);
    expect(JSON.stringify(stored)).not.toContain(secret);
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
    // The other one came while it was on its way, or when it ran.
    expect(both.filter(([, body]) => (body as Body)['started'] === true)).toHaveLength(1);
    const other = { code: 'invalid_state' };
    expect([other, { started: false }]).toContainEqual(
      both
        .map(([status, body]) =>
          status === 400 ? { code: (body as Body)['code'] } : { started: (body as Body)['started'] },
        )
        .find((one) => !('started' in one && one.started)),
    );
    await idle(id);
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

  it('one that takes long is PROVISIONING, and gets its prompt as soon as it is ready', async () => {
    let built = (): void => undefined;
    engine.building = new Promise((resolve) => (built = resolve));
    const making = hosted.post(agents, { name: 'slow one', initialPrompt: 'late <<say late>>' });
    const slow = await until('it is listed', async () => {
      const { body } = await hosted.get<{ agents: Body[] }>(`${agents}?status=PROVISIONING`);
      return body.agents.find((one) => one['name'] === 'slow one');
    });
    const id = String(slow['agentId']);
    expect(await read(id)).toMatchObject({ status: 'PROVISIONING', busy: true, sessions: [] });
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
    for (const [call, code] of [
      [() => hosted.post(agents, { name: 'x' }), 'start_failed'],
      [() => hosted.post(`${agents}/${id}/restart`), 'start_failed'],
      [() => hosted.post(`${agents}/${id}/stop`), 'stop_failed'],
      [() => hosted.delete(`${agents}/${id}`), 'stop_failed'],
    ] as const) {
      const { status, body, headers } = await call();
      expect([status, body['code'], headers.get('retry-after')]).toEqual([503, code, '2']);
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
