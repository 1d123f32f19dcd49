import { UsersService } from '../../../src/core/accounts/users.service.js';
import { UnitOfWork } from '../../../src/platform/database/unit-of-work.js';
import { ApiKeysService } from '../../../src/core/accounts/api-keys.service.js';
import { adminPassword, boot, type Flotilla } from '../../support/boot.js';
import { TrinityClient } from '../../support/trinity-client.js';

describe('users', () => {
  let flotilla: Flotilla;
  let admin: TrinityClient;
  let ada: TrinityClient;
  beforeAll(async () => {
    flotilla = await boot();
    admin = await new TrinityClient(flotilla.url).signIn('admin', adminPassword);
    ada = admin.as(await given('ada', 'ada@example.com'));
  });
  afterAll(() => flotilla.close());

  /** A user, and an API key of theirs. */
  const given = (username: string, email: string | null): Promise<string> =>
    flotilla.app.get(UnitOfWork).run(async (tx) => {
      const { id, personalOrgId } = await flotilla.app
        .get(UsersService)
        .create(tx, { username, email, passwordHash: null, role: 'user' });
      const holder = { userId: id, orgId: personalOrgId, agentId: null };
      const issued = await flotilla.app.get(ApiKeysService).issue(tx, holder, { dialect: 'trinity', label: 'test' });
      return issued.value.reveal();
    });

  it('see themselves', async () => {
    const { status, body } = await ada.get('/api/users/me');
    expect([status, body]).toEqual([
      200,
      { username: 'ada', email: 'ada@example.com', name: null, picture: null, role: 'user' },
    ]);
  });

  it('are listed for administrators', async () => {
    const { status, body } = await admin.get<object[]>('/api/users');
    expect(status).toBe(200);
    expect(body.find((user) => 'username' in user && user.username === 'ada')).toEqual({
      id: expect.any(String),
      username: 'ada',
      email: 'ada@example.com',
      role: 'user',
      name: null,
      picture: null,
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      last_login: null,
      suspended_at: null,
    });
  });

  it.each([
    ['GET', '/api/users'],
    ['PUT', '/api/users/ada/role'],
    ['GET', '/api/settings/ops/config'],
    ['GET', '/api/settings/theme'],
  ])('who are no administrators get 403 from %s %s', async (method, path) => {
    const { status, body } = method === 'GET' ? await ada.get(path) : await ada.put(path, { role: 'admin' });
    expect([status, body]).toEqual([403, { detail: expect.any(String) }]);
  });

  it('get another role at once, with the token they have', async () => {
    const { status, body } = await admin.put('/api/users/ada/role', { role: 'admin' });
    expect([status, body]).toEqual([200, { username: 'ada', role: 'admin' }]);
    expect((await ada.get('/api/users')).status).toBe(200);
    await admin.put('/api/users/ada/role', { role: 'creator' });
    expect((await ada.get('/api/users')).status).toBe(403);
  });

  it.each([
    ['admin', { role: 'user' }, 400],
    ['ada', { role: 'emperor' }, 400],
    ['nobody', { role: 'user' }, 404],
    ['a%00b', { role: 'user' }, 404],
    ['ada', {}, 422],
    ['ada', { role: 5 }, 422],
  ])('role of %s from %j answers %d', async (username, body, expected) => {
    expect((await admin.put(`/api/users/${username}/role`, body)).status).toBe(expected);
  });

  it('set their e-mail address', async () => {
    const { status, body } = await ada.put('/api/users/me/email', { email: 'Ada@Other.example' });
    expect([status, body]).toEqual([200, { success: true, email: 'ada@other.example' }]);
    await given('carl', 'carl@example.com');
    expect((await ada.put('/api/users/me/email', { email: 'CARL@example.com' })).status).toBe(409);
    expect((await ada.put('/api/users/me/email', { email: 'nonsense' })).status).toBe(400);
    expect((await ada.put('/api/users/me/email', {})).status).toBe(422);
  });
});
