import { boot, type Flotilla } from '../../support/boot.js';

const json = { 'content-type': 'application/json' };

describe('trinity: conventions', () => {
  let flotilla: Flotilla;
  let token: string;
  beforeAll(async () => {
    flotilla = await boot({ env: { FLOTILLA_CORS_ORIGINS: 'https://app.example.com' } });
    token = await flotilla.login();
  });
  afterAll(() => flotilla.close());

  it('GET /health needs nobody', async () => {
    const { status, body } = await flotilla.request('GET', '/health');
    expect([status, body]).toEqual([200, { status: 'healthy', timestamp: expect.stringMatching(/^\d{4}-.*Z$/) }]);
  });

  it('GET /health/ready names database and engine', async () => {
    const { status, body } = await flotilla.request('GET', '/health/ready');
    expect([status, body.status]).toEqual([200, 'ready']);
    expect(body.checks).toMatchObject({ database: { ok: true } });
  });

  it('GET /openapi.json is the document', async () => {
    const { body } = await flotilla.request('GET', '/openapi.json');
    expect(body.info.title).toBe('Trinity Agents API');
    expect(body.paths['/token'].post.requestBody.content).toHaveProperty(['application/x-www-form-urlencoded']);
    expect(body.components.securitySchemes.login.flows.password.tokenUrl).toBe('/token');
  });

  it.each([
    ['without a header', {}, 'Not authenticated'],
    ['with another scheme', { authorization: 'Basic YTpi' }, 'Not authenticated'],
    ['with a bad token', { authorization: 'Bearer x' }, 'Could not validate credentials'],
  ])('401 %s', async (_how, headers, detail) => {
    const answer = await flotilla.request('GET', '/api/users/me', { headers });
    expect([answer.status, answer.body]).toEqual([401, { detail }]);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('takes the scheme in any case', async () => {
    const answer = await flotilla.request('GET', '/api/users/me', { headers: { authorization: `bEaReR ${token}` } });
    expect(answer.status).toBe(200);
  });

  it('404 for an absent path', async () => {
    const answer = await flotilla.request('GET', '/api/auth/exchange', { token });
    expect([answer.status, answer.body]).toEqual([404, { detail: 'Not Found' }]);
  });

  it('405 with the methods there are', async () => {
    const answer = await flotilla.request('PUT', '/api/users/me', { token });
    expect([answer.status, answer.body]).toEqual([405, { detail: 'Method Not Allowed' }]);
    expect(answer.headers.get('allow')).toContain('GET');
  });

  it.each(['GET', 'POST'])('%s with a JSON content type and no body is no mistake', async (method) => {
    const path = method === 'GET' ? '/api/users/me' : '/api/mcp/keys/ensure-default';
    const answer = await flotilla.request(method, path, { token, headers: json });
    expect(answer.status).toBe(200);
  });

  it('422 for a login without a body and without a content type', async () => {
    const answer = await flotilla.request('POST', '/token');
    expect([answer.status, answer.body]).toEqual([
      422,
      {
        detail: [
          { loc: ['body', 'username'], msg: 'Field required', type: 'missing' },
          { loc: ['body', 'password'], msg: 'Field required', type: 'missing' },
        ],
      },
    ]);
  });

  it('401 comes before broken JSON, and broken JSON is 422', async () => {
    const broken = { headers: json, body: '{"name":' };
    expect((await flotilla.request('POST', '/api/mcp/keys', broken)).status).toBe(401);
    expect((await flotilla.request('POST', '/api/mcp/keys', { ...broken, token })).body).toEqual({
      detail: [{ loc: ['body'], msg: 'The body is not valid JSON', type: 'json_invalid' }],
    });
  });

  it('never repeats a rejected value', async () => {
    const answer = await flotilla.request('POST', '/api/mcp/keys', { token, json: { name: { canary: 'c4n4ry' } } });
    expect(answer.status).toBe(422);
    expect(JSON.stringify(answer.body)).not.toContain('c4n4ry');
  });

  it('413 above 25 MiB', async () => {
    const body = Buffer.alloc(25 * 1024 * 1024 + 1, 'a');
    const answer = await flotilla.request('POST', '/api/mcp/keys', { token, headers: json, body });
    expect([answer.status, answer.body]).toEqual([413, { detail: 'The request body is too large' }]);
  });

  it('echoes the request id and sends security headers, also with errors', async () => {
    const { headers } = await flotilla.request('GET', '/api/nothing', { headers: { 'x-request-id': 'req-7' } });
    expect(headers.get('x-request-id')).toBe('req-7');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
  });

  it('answers preflights of listed origins with what the API documents', async () => {
    const { status, headers } = await flotilla.request('OPTIONS', '/api/agents', {
      headers: { origin: 'https://app.example.com', 'access-control-request-method': 'DELETE' },
    });
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(headers.get('access-control-allow-credentials')).toBe('true');
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST, PUT, DELETE, OPTIONS');
    expect(headers.get('access-control-allow-headers')).toBe('Authorization, Content-Type, X-Source-Agent, Accept');
  });

  it('is reached under its explicit prefix too', async () => {
    expect((await flotilla.request('GET', '/~trinity/api/users/me', { token })).status).toBe(200);
  });
});
