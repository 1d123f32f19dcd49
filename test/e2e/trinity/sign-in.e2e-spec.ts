import { createHmac } from 'node:crypto';
import { adminPassword as password, boot, type Flotilla } from '../../support/boot.js';
import { TrinityClient } from '../../support/trinity-client.js';

describe('sign-in', () => {
  let flotilla: Flotilla;
  let anyone: TrinityClient;
  beforeAll(async () => {
    flotilla = await boot();
    anyone = new TrinityClient(flotilla.url);
  });
  afterAll(() => flotilla.close());

  describe.each(['/token', '/api/token'])('POST %s', (path) => {
    it('gives a token, whatever else the form says', async () => {
      const fields = {
        username: 'admin',
        password,
        grant_type: 'password',
        scope: '',
        client_id: 'x',
        client_secret: 'y',
      };
      const { status, body } = await anyone.form(path, fields);
      expect([status, body]).toEqual([200, { access_token: expect.any(String), token_type: 'bearer' }]);
    });

    it.each([
      ['a wrong password', { username: 'admin', password: 'wrong' }],
      ['an unknown user', { username: 'nobody-here', password }],
    ])('refuses %s in the same words', async (_what, fields) => {
      const { status, body, headers } = await anyone.form(path, fields);
      expect([status, body]).toEqual([401, { detail: 'Incorrect username or password' }]);
      expect(headers.get('www-authenticate')).toBe('Bearer');
    });

    it('names missing fields', async () => {
      const missing = (field: string) => ({ loc: ['body', field], msg: 'Field required', type: 'missing' });
      const [none, half] = [await anyone.post(path), await anyone.form(path, { username: 'admin' })];
      expect([none.status, none.body]).toEqual([422, { detail: [missing('username'), missing('password')] }]);
      expect([half.status, half.body]).toEqual([422, { detail: [missing('password')] }]);
    });
  });

  it('stops after five failures, and says when to come back', async () => {
    for (let i = 0; i < 5; i++) await anyone.form('/token', { username: 'guessed', password: 'wrong' });
    const { status, body, headers } = await anyone.form('/token', { username: 'guessed', password });
    expect([status, body]).toEqual([429, { detail: expect.any(String) }]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(800);
  });

  it('needs a token', async () => {
    const { status, body, headers } = await anyone.get('/api/users/me');
    expect([status, body]).toEqual([401, { detail: 'Not authenticated' }]);
    expect(headers.get('www-authenticate')).toBe('Bearer');
  });

  describe('refuses with 401', () => {
    let token: string;
    beforeAll(async () => (token = (await anyone.signIn('admin', password)).token ?? ''));

    const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { sub: 'admin', exp: 9_999_999_999, iat: 1, mode: 'admin', jti: '0.x' };

    it.each<[string, (token: string) => string]>([
      ['rubbish', () => 'x'],
      ['a tampered token', (text) => text.slice(0, -1) + (text.endsWith('A') ? 'B' : 'A')],
      [
        'other claims under a good signature',
        (text) => [text.split('.')[0], base64(claims), text.split('.')[2]].join('.'),
      ],
      ['no algorithm', () => `${base64({ alg: 'none', typ: 'JWT' })}.${base64(claims)}.`],
      [
        'a signature of an empty key',
        () => {
          const signed = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64(claims)}`;
          return `${signed}.${createHmac('sha256', '').update(signed).digest('base64url')}`;
        },
      ],
      ['a key nobody made', () => `trinity_mcp_${'A'.repeat(43)}`],
      ['a key of another API', () => `ak_live_${'0'.repeat(32)}`],
      ['a token of 10 kB', () => 'a.b.'.repeat(2500)],
    ])('%s', async (_what, forge) => {
      const { status, body } = await anyone.as(forge(token)).get('/api/users/me');
      expect([status, body]).toEqual([401, { detail: 'Could not validate credentials' }]);
    });
  });

  it('takes the scheme in any case', async () => {
    const { token } = await anyone.signIn('admin', password);
    expect((await anyone.get('/api/users/me', { authorization: `bEARER ${token}` })).status).toBe(200);
  });

  it('tells how to sign in', async () => {
    const { status, body } = await anyone.get('/api/auth/mode');
    expect([status, body]).toEqual([
      200,
      {
        dev_mode_enabled: false,
        auth0_configured: false,
        email_auth_enabled: true,
        allowed_domain: '',
        setup_completed: true,
      },
    ]);
  });

  it('says whether a token is good: from header, cookie or parameter', async () => {
    const { token } = await anyone.signIn('admin', password);
    const valid = { status: 'valid', user: 'admin' };
    expect((await anyone.as(token).get('/api/auth/validate')).body).toEqual(valid);
    expect((await anyone.get('/api/auth/validate', { cookie: `a=b; token=${token}` })).body).toEqual(valid);
    expect((await anyone.get(`/api/auth/validate?token=${token}`)).body).toEqual(valid);

    const [none, bad] = [await anyone.get('/api/auth/validate'), await anyone.as('x').get('/api/auth/validate')];
    expect([none.status, none.body]).toEqual([401, { detail: 'No token provided' }]);
    expect([bad.status, bad.body]).toEqual([401, { detail: 'Invalid token' }]);
  });

  it('ends with signing out, for this token only', async () => {
    const [one, other] = [await anyone.signIn('admin', password), await anyone.signIn('admin', password)];
    const { status, body } = await one.post('/api/auth/logout');
    expect([status, body]).toEqual([200, { status: 'logged_out' }]);
    expect((await one.get('/api/users/me')).status).toBe(401);
    expect((await other.get('/api/users/me')).status).toBe(200);
  });

  it('is set up already when the password comes from the settings', async () => {
    expect((await anyone.get('/api/setup/status')).body).toEqual({ setup_completed: true });
    const passwords = { password: 'another password', confirm_password: 'another password' };
    expect((await anyone.post('/api/setup/admin-password', passwords)).status).toBe(403);
    expect((await anyone.post('/api/setup/admin-password', {})).status).toBe(422);
    expect((await anyone.signIn('admin', password)).token).toEqual(expect.any(String));
  });

  it.each([
    ['POST', '/api/auth/exchange'],
    ['GET', '/api/auth/exchange'],
  ])('does not offer %s %s', async (method, path) => {
    const admin = await anyone.signIn('admin', password);
    const { status, body } = method === 'GET' ? await admin.get(path) : await admin.post(path, { email: 'a@b.co' });
    expect([status, body]).toEqual([404, { detail: 'Not Found' }]);
  });

  it('gives a ticket for a WebSocket', async () => {
    const admin = await anyone.signIn('admin', password);
    const { status, body } = await admin.post('/api/ws/ticket');
    expect([status, body]).toEqual([200, { ticket: expect.any(String), expires_in: 30 }]);
    expect((await anyone.as(String(body['ticket'])).get('/api/users/me')).status).toBe(401);
    expect((await anyone.post('/api/ws/ticket')).status).toBe(401);
  });

  it('repeats no password and no token in an answer', async () => {
    const answers = [
      await anyone.form('/token', { username: 'admin', password: 'canary-4711' }),
      await anyone.post('/token', { username: 'admin', password: { canary: 'canary-4711' } }),
      await anyone.get('/api/auth/validate?token=canary-4711'),
      await anyone.as('canary-4711').get('/api/users/me'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 422, 401, 401]);
    expect(JSON.stringify(answers.map(({ body }) => body))).not.toContain('canary');
  });
});
