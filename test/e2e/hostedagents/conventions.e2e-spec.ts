import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';

/** Tokens, the order of checks, the form of errors and limits (contract sections 1.1 to 1.4). */
describe('the conventions of the Hosted Agents API', () => {
  let fleet: Fleet;
  let hosted: TrinityClient;
  let agentId: string;
  beforeAll(async () => {
    fleet = await bootFleet();
    hosted = await fleet.hosted();
    await fleet.givenAgent('first');
    const { body } = await hosted.get<{ agents: { agentId: string }[] }>('/api/v1/agents');
    agentId = body.agents[0]?.agentId ?? 'none';
  });
  afterAll(() => fleet.close());

  it('a token is shown once, listed by its beginning, and refused as soon as it is deleted', async () => {
    const made = await fleet.admin.post('/api/v1/tokens', { label: 'production' });
    expect(made.status).toBe(201);
    expect(Object.keys(made.body).sort()).toEqual(['createdAt', 'id', 'label', 'token']);
    const token = String(made.body['token']);
    expect(token).toMatch(/^ha_live_[A-Za-z0-9_-]{43}$/);
    const client = hosted.as(token);
    expect((await client.get('/api/v1/agents')).status).toBe(200);
    const { body } = await fleet.admin.get<{ tokens: Record<string, unknown>[] }>('/api/v1/tokens');
    const listed = body.tokens.find(({ id }) => id === made.body['id']);
    expect(listed).toEqual({
      id: made.body['id'],
      label: 'production',
      prefix: token.slice(0, 12),
      createdAt: made.body['createdAt'],
      lastUsedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    });
    expect(JSON.stringify(body)).not.toContain(token);
    const gone = await fleet.admin.delete(`/api/v1/tokens/${String(made.body['id'])}`);
    expect([gone.status, gone.body]).toEqual([200, { deleted: true }]);
    expect((await client.get('/api/v1/agents')).status).toBe(401);
    const again = await fleet.admin.delete(`/api/v1/tokens/${String(made.body['id'])}`);
    expect([again.status, again.body]).toEqual([404, { error: 'Token not found', code: 'token_not_found' }]);
  });

  it('tokens manage no tokens, and a sign-in does nothing else', async () => {
    for (const refused of [
      await hosted.get('/api/v1/tokens'),
      await hosted.post('/api/v1/tokens', { label: 'x' }),
      await hosted.delete('/api/v1/tokens/x'),
    ]) {
      expect(refused.status).toBe(403);
      expect(refused.body).toMatchObject({ code: 'forbidden', error: expect.stringMatching(/./) as string });
    }
    for (const path of ['/agents', '/models', `/agents/${agentId}`]) {
      expect((await fleet.admin.get(`/api/v1${path}`)).status).toBe(401);
    }
  });

  it('whatever is no token is refused in the same words', async () => {
    const bodies = new Set<string>();
    const other = String((await fleet.admin.post('/api/mcp/keys', { name: 'k' })).body['api_key']);
    for (const authorization of [
      null,
      'Bearer ak_live_x',
      'Bearer ha_live_x',
      'Basic eDp4',
      'ha_live_x',
      `Bearer ${other}`,
    ]) {
      const headers: Record<string, string> = authorization === null ? {} : { authorization };
      const answer = await fleet.request('GET', '/api/v1/agents', { headers });
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      bodies.add(JSON.stringify(answer.body));
    }
    expect([...bodies]).toEqual(['{"error":"Invalid or missing API token","code":"unauthorized"}']);
  });

  it('an agent of another organisation, a deleted one and nonsense are alike', async () => {
    const other = await fleet.hosted(await fleet.givenUser('other', { signedIn: true }));
    const answers = new Set<string>();
    for (const id of [agentId, `c${'0'.repeat(24)}`, 'nonsense', '%00', 'first']) {
      const { status, body } = await other.get(`/api/v1/agents/${id}`);
      answers.add(JSON.stringify([status, body]));
    }
    expect([...answers]).toEqual(['[404,{"error":"Agent not found","code":"agent_not_found"}]']);
    expect((await other.get('/api/v1/agents')).body).toEqual({ agents: [], total: 0, limit: 50, offset: 0 });
  });

  it('an administrator, too, reaches agents of their own organisation only', async () => {
    const other = await fleet.givenUser('maker', { signedIn: true });
    await fleet.givenAgent('of-maker', {}, other);
    const made = await (await fleet.hosted(other)).get<{ agents: { agentId: string }[] }>('/api/v1/agents');
    expect(made.body.agents).toHaveLength(1);
    expect((await hosted.get(`/api/v1/agents/${made.body.agents[0]?.agentId ?? ''}`)).status).toBe(404);
    expect((await hosted.get('/api/v1/agents')).body).toMatchObject({ total: 1 });
  });

  it('lists page by page, and by state', async () => {
    const ask = (query: string) => hosted.get<{ agents: object[]; total: number }>(`/api/v1/agents${query}`);
    expect((await ask('?limit=1&offset=1')).body).toEqual({ agents: [], total: 1, limit: 1, offset: 1 });
    expect((await ask('?status=ERROR')).body).toMatchObject({ agents: [], total: 0 });
    expect((await ask('?status=RUNNING')).body).toMatchObject({ agents: [{ agentId }], total: 1 });
    for (const [query, field] of [
      ['?status=running', 'status'],
      ['?limit=0', 'limit'],
      ['?limit=101', 'limit'],
      ['?limit=x', 'limit'],
      ['?offset=-1', 'offset'],
    ] as const) {
      const { status, body } = await ask(query);
      expect([status, body]).toEqual([400, { error: expect.any(String) as string, code: 'invalid_request', field }]);
    }
  });

  it('bad JSON, a missing field and a body that is no object are 400', async () => {
    const token = fleet.admin.token ?? '';
    const json = { 'content-type': 'application/json' };
    const send = (body: string, headers: Record<string, string> = json) =>
      fleet.request('POST', '/api/v1/tokens', { token, body, headers });
    expect((await send('{bad')).body).toMatchObject({ code: 'invalid_json' });
    expect((await send('{}')).body).toEqual({ error: 'label is required', code: 'invalid_request', field: 'label' });
    for (const body of ['[]', '"x"', '17', '{"label":""}', '{"label":"a\\u0000"}', ''])
      expect((await send(body)).status).toBe(400);
    expect((await send('label', { 'content-type': 'text/plain' })).status).toBe(400);
    expect((await send('{"label":"kept","more":{"unknown":true}}')).status).toBe(201);
  });

  it('unknown routes, methods and bodies too large are said in the same form, without CORS', async () => {
    const token = hosted.token ?? '';
    for (const [method, where, status] of [
      ['GET', '/api/v1/nothing', 404],
      ['DELETE', '/api/v1/models', 405],
      ['GET', '/api/v1', 404],
    ] as const) {
      const answer = await fleet.request(method, where, { token, headers: { origin: fleet.url } });
      expect(answer.status).toBe(status);
      expect(answer.body).toMatchObject({
        error: expect.stringMatching(/./) as string,
        code: expect.stringMatching(/^\w+$/) as string,
      });
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    }
    const large = await fleet.request('POST', '/api/v1/tokens', { json: { label: 'x'.repeat(5 * 1024 * 1024) } });
    expect([large.status, large.body]).toEqual([
      400,
      { error: 'The request body is too large', code: 'invalid_request' },
    ]);
    for (const [method, where] of [
      ['GET', '/api/v1/nothing'],
      ['DELETE', '/api/v1/models'],
      ['GET', '/api/v1'],
    ] as const) {
      const callers: Record<string, string>[] = [
        {},
        { authorization: 'Bearer ha_live_x' },
        { authorization: `Bearer ${fleet.admin.token ?? ''}` },
      ];
      for (const headers of callers) {
        const answer = await fleet.request(method, where, { headers });
        expect([where, answer.status, answer.body]).toEqual([
          where,
          401,
          { error: 'Invalid or missing API token', code: 'unauthorized' },
        ]);
      }
    }
  });

  it('models name a default', async () => {
    const { body } = await hosted.get<{ models: { id: string; default: boolean }[] }>('/api/v1/models');
    expect(body.models.filter((one) => one.default)).toHaveLength(1);
    for (const { id } of body.models) expect(id).toMatch(/^[a-z]+\/[\w.-]+$/);
  });
});

describe('the rate limit', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet({ env: { HOSTEDAGENTS_RATE_LIMIT: '5' } });
  });
  afterAll(() => fleet.close());

  it('holds for each token alone, and says when to come back', async () => {
    const one = await fleet.hosted();
    const other = await fleet.hosted();
    const statuses: number[] = [];
    for (let call = 0; call < 7; call++) statuses.push((await one.get('/api/v1/models')).status);
    // A new minute may begin in between.
    expect(statuses.slice(0, 5)).toEqual([200, 200, 200, 200, 200]);
    expect(statuses).toContain(429);
    const refused = await one.get('/api/v1/models');
    expect(refused.body).toEqual({ error: 'Too many requests', code: 'rate_limited' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await other.get('/api/v1/models')).status).toBe(200);
    expect((await fleet.admin.get('/api/agents')).status).toBe(200);
  });
});
