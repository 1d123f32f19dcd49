import { adminPassword, boot, type Flotilla } from '../../support/boot.js';
import { TrinityClient } from '../../support/trinity-client.js';

describe('API keys', () => {
  let flotilla: Flotilla;
  let admin: TrinityClient;
  beforeAll(async () => {
    flotilla = await boot();
    admin = await new TrinityClient(flotilla.url).signIn('admin', adminPassword);
  });
  afterAll(() => flotilla.close());

  const shown = (changes: object) => ({
    id: expect.any(String),
    name: 'laptop',
    description: null,
    key_prefix: expect.stringMatching(/^trinity_mcp_.{8}$/),
    created_at: expect.stringMatching(/Z$/),
    last_used_at: null,
    usage_count: 0,
    is_active: true,
    user_id: expect.any(String),
    username: 'admin',
    user_email: null,
    agent_name: null,
    scope: 'user',
    ...changes,
  });

  it('are made, used, counted, revoked and deleted', async () => {
    const made = await admin.post('/api/mcp/keys', { name: 'laptop' });
    const [id, value] = [String(made.body['id']), String(made.body['api_key'])];
    expect([made.status, made.body]).toEqual([
      200,
      shown({ api_key: expect.stringMatching(/^trinity_mcp_[\w-]{43}$/) }),
    ]);
    expect((await admin.get(`/api/mcp/keys/${id}`)).body).toEqual(shown({}));

    const byKey = admin.as(value);
    expect((await byKey.get('/api/users/me')).body).toMatchObject({ username: 'admin', role: 'admin' });
    expect((await byKey.get('/api/users')).status).toBe(200);
    expect((await admin.get(`/api/mcp/keys/${id}`)).body).toEqual(
      shown({ usage_count: 2, last_used_at: expect.stringMatching(/Z$/) }),
    );

    expect((await byKey.post('/api/mcp/validate')).body).toEqual({
      valid: true,
      user_id: 'admin',
      user_email: null,
      key_name: 'laptop',
      agent_name: null,
      scope: 'user',
    });

    expect(await admin.post(`/api/mcp/keys/${id}/revoke`)).toMatchObject({
      status: 200,
      body: { message: expect.any(String) },
    });
    expect((await byKey.get('/api/users/me')).status).toBe(401);
    expect((await byKey.post('/api/mcp/validate')).status).toBe(401);
    expect((await admin.get(`/api/mcp/keys/${id}`)).body).toMatchObject({ is_active: false });

    expect(await admin.delete(`/api/mcp/keys/${id}`)).toMatchObject({
      status: 200,
      body: { message: expect.any(String) },
    });
    expect((await admin.get(`/api/mcp/keys/${id}`)).status).toBe(404);
    expect((await admin.delete(`/api/mcp/keys/${id}`)).status).toBe(404);
    expect((await admin.post(`/api/mcp/keys/${id}/revoke`)).status).toBe(404);
  });

  it('show their value only when made', async () => {
    const { body } = await admin.post('/api/mcp/keys', { name: 'hidden', description: 'for a test' });
    const listed = await admin.get<object[]>('/api/mcp/keys');
    expect(JSON.stringify(listed.body)).not.toContain(String(body['api_key']));
    expect(listed.body).toContainEqual(shown({ name: 'hidden', description: 'for a test' }));
  });

  it('come by default once', async () => {
    for (const key of (await admin.get<{ id: string }[]>('/api/mcp/keys')).body)
      await admin.delete(`/api/mcp/keys/${key.id}`);
    const first = await admin.post('/api/mcp/keys/ensure-default');
    expect(first).toMatchObject({ status: 200, body: { api_key: expect.any(String), is_active: true } });
    expect(await admin.post('/api/mcp/keys/ensure-default')).toMatchObject({ status: 200, body: null });
  });

  it.each([
    [{}, 422],
    [{ name: '' }, 422],
    [{ name: 'x'.repeat(101) }, 422],
    [{ name: 5 }, 422],
    [{ name: 'a\0b' }, 422],
    [{ name: 'ok', description: null, role: 'admin', scopes: ['*'], user_id: 'x' }, 200],
  ])('%j -> %d', async (body, expected) => {
    expect((await admin.post('/api/mcp/keys', body)).status).toBe(expected);
  });

  it('need a caller; to be checked they need a key', async () => {
    const nobody = admin.as(null);
    expect((await nobody.get('/api/mcp/keys')).status).toBe(401);
    expect(await nobody.post('/api/mcp/validate')).toMatchObject({ status: 401, body: { detail: expect.any(String) } });
    expect((await admin.post('/api/mcp/validate')).status).toBe(401);
  });
});
