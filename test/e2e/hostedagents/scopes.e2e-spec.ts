import { readFileSync } from 'node:fs';
import path from 'node:path';
import { publicIdOf } from '../../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';

/** Scopes and secrets (contract sections 6 and 7, tests 7, 17 and 18 of section 9). */
describe('scopes and secrets', () => {
  let fleet: Fleet;
  let hosted: TrinityClient;
  let stranger: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    hosted = await fleet.hosted();
    stranger = await fleet.hosted(await fleet.givenUser('stranger', { signedIn: true }));
  });
  afterAll(() => fleet.close());

  async function givenScope(name: string, as = hosted): Promise<string> {
    const { status, body } = await as.post('/api/v1/scopes', { name });
    if (status !== 200) throw new Error(JSON.stringify(body));
    return String(body['id']);
  }
  const said = ({ status, body }: Answer): unknown[] => [status, body['code']];

  it('a scope is made, listed, read, renamed and deleted', async () => {
    const made = await hosted.post('/api/v1/scopes', { name: ' Production ' });
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;
    const id = String(made.body['id']);
    const scope = { id, name: 'Production', agentCount: 0, secretCount: 0, createdAt: time, updatedAt: time };
    expect([made.status, made.body]).toEqual([200, scope]);
    expect(id).toMatch(/^c[0-9a-z]{24}$/);
    await hosted.put(`/api/v1/scopes/${id}/secrets`, { key: 'A', value: 'value-of-a' });
    expect((await hosted.get(`/api/v1/scopes/${id}`)).body).toEqual({
      ...scope,
      secretCount: 1,
      agents: [],
      secrets: [{ key: 'A' }],
    });
    await givenScope('alpha');
    const listed = (await hosted.get<{ scopes: { name: string }[] }>('/api/v1/scopes')).body.scopes;
    expect(listed.map(({ name }) => name)).toEqual(['alpha', 'Production']);
    const renamed = await hosted.patch(`/api/v1/scopes/${id}`, { name: 'staging' });
    expect([renamed.status, renamed.body['name']]).toEqual([200, 'staging']);
    expect(said(await hosted.patch(`/api/v1/scopes/${id}`, { name: 'ALPHA' }))).toEqual([409, 'scope_exists']);
    expect(said(await hosted.post('/api/v1/scopes', { name: 'Alpha' }))).toEqual([409, 'scope_exists']);
    const gone = await hosted.delete(`/api/v1/scopes/${id}`);
    expect([gone.status, gone.body]).toEqual([200, { deleted: true }]);
    expect(said(await hosted.delete(`/api/v1/scopes/${id}`))).toEqual([404, 'scope_not_found']);
    await hosted.delete('/api/v1/secrets/A');
  });

  it.each([
    [{}, 'name is required'],
    [{ name: '' }, 'A name has 1 to 50 characters and no control characters'],
    [{ name: '   ' }, 'A name has 1 to 50 characters and no control characters'],
    [{ name: 'x'.repeat(51) }, 'A name has 1 to 50 characters and no control characters'],
    [{ name: 7 }, 'name must be a string'],
  ])('a scope is not made from %j', async (fields, error) => {
    const { status, body } = await hosted.post('/api/v1/scopes', fields);
    expect([status, body['code'], body['field'], body['error']]).toEqual([400, 'invalid_request', 'name', error]);
  });

  it('belongs to one organisation: to another it is absent, whatever is asked', async () => {
    const id = await givenScope('mine');
    await hosted.put(`/api/v1/scopes/${id}/secrets`, { key: 'K', value: 'not-for-them' });
    for (const scope of [id, 'c'.padEnd(25, '0'), 'nonsense', '%00']) {
      const at = `/api/v1/scopes/${scope}`;
      for (const refused of [
        await stranger.get(at),
        await stranger.patch(at, {}),
        await stranger.delete(at),
        await stranger.get(`${at}/secrets`),
        await stranger.put(`${at}/secrets`, {}),
        await stranger.delete(`${at}/secrets/K`),
      ]) {
        expect([refused.status, refused.body]).toEqual([404, { error: 'Scope not found', code: 'scope_not_found' }]);
      }
    }
    expect((await stranger.get('/api/v1/scopes')).body).toEqual({ scopes: [] });
    expect((await stranger.get('/api/v1/secrets')).body).toEqual({ secrets: [] });
    await givenScope('mine', stranger);
  });

  it('secrets are set all or none, replaced, listed by key only, and deleted', async () => {
    const set = await hosted.put('/api/v1/secrets', { secrets: { Z_KEY: 'z-value-1', A_KEY: 'a-value-1' } });
    expect([set.status, set.body]).toEqual([200, { updated: true, keys: ['A_KEY', 'Z_KEY'] }]);
    const again = await hosted.put('/api/v1/secrets', { key: 'Z_KEY', value: 'z-value-2' });
    expect([again.status, again.body]).toEqual([200, { updated: true, keys: ['Z_KEY'] }]);
    const bad = await hosted.put('/api/v1/secrets', { secrets: { GOOD: 'good-value', PATH: '/evil' } });
    expect(said(bad)).toEqual([400, 'invalid_request']);
    const listed = await hosted.get<{ secrets: Record<string, unknown>[] }>('/api/v1/secrets');
    expect(listed.body.secrets.map((one) => Object.keys(one))).toEqual([
      ['key', 'createdAt', 'updatedAt'],
      ['key', 'createdAt', 'updatedAt'],
    ]);
    expect(listed.body.secrets.map(({ key }) => key)).toEqual(['A_KEY', 'Z_KEY']);
    const gone = await hosted.delete('/api/v1/secrets/Z_KEY');
    expect([gone.status, gone.body]).toEqual([200, { deleted: true }]);
    const missing = await hosted.delete('/api/v1/secrets/Z_KEY');
    expect([missing.status, missing.body]).toEqual([404, { error: 'Secret not found', code: 'secret_not_found' }]);
    await hosted.delete('/api/v1/secrets/A_KEY');
  });

  it.each([
    ['nothing', {}],
    ['a key without a value', { key: 'K' }],
    ['a value without a key', { value: 'v' }],
    ['both forms', { key: 'K', value: 'v', secrets: { L: 'w' } }],
    ['no secrets in it', { secrets: {} }],
    ['a list', { secrets: ['K'] }],
    ['a key that is none', { key: '1K', value: 'v' }],
    ['a reserved key', { key: 'LD_PRELOAD', value: 'v' }],
    ["a runtime's own key", { key: 'OPENCODE_CONFIG_CONTENT', value: 'v' }],
    ["an agent's own key", { key: 'TRINITY_MCP_API_KEY', value: 'v' }],
    ['an empty value', { key: 'K', value: '' }],
    ['a value with NUL', { key: 'K', value: 'a\0b' }],
    ['a value that is too long', { key: 'K', value: 'x'.repeat(65_537) }],
    ['a value that is no text', { secrets: { K: 7 } }],
  ])('secrets are not set from %s', async (_what, body) => {
    expect(said(await hosted.put('/api/v1/secrets', body))).toEqual([400, 'invalid_request']);
    expect((await hosted.get('/api/v1/secrets')).body).toEqual({ secrets: [] });
  });

  it('a value of 64 KiB is taken', async () => {
    expect((await hosted.put('/api/v1/secrets', { key: 'LONG', value: 'x'.repeat(65_536) })).status).toBe(200);
    await hosted.delete('/api/v1/secrets/LONG');
  });

  it('an agent is made in a scope that exists, or not at all, and is moved between scopes', async () => {
    const [one, two] = [await givenScope('One'), await givenScope('Two')];
    const make = (fields: object): Promise<Answer> => hosted.post('/api/v1/agents', { name: 'made', ...fields });
    const nowhere = [404, { error: 'Scope not found', code: 'scope_not_found' }];
    for (const fields of [{ scope: 'nope' }, { scope: '' }, { scopeId: 'nope' }, { scopeId: `c${'0'.repeat(24)}` }]) {
      const { status, body } = await make(fields);
      expect([status, body]).toEqual(nowhere);
    }
    expect(said(await make({ scopeId: one, scope: 'Two' }))).toEqual([400, 'invalid_request']);
    expect(said(await make({ scope: 7 }))).toEqual([400, 'invalid_request']);
    expect((await hosted.get('/api/v1/agents')).body['total']).toBe(0);

    const { status, body } = await make({ scopeId: one, scope: ' ONE ' });
    expect([status, body['scopeId'], body['scope']]).toEqual([200, one, 'One']);
    const at = `/api/v1/agents/${String(body['agentId'])}`;
    const change = async (fields: object): Promise<unknown[]> => {
      const answer = await hosted.patch(at, fields);
      return [answer.status, answer.body['scopeId'], answer.body['scope'], answer.body['name']];
    };
    expect(await change({ scope: 'two', name: 'moved' })).toEqual([200, two, 'Two', 'moved']);
    expect(await change({ scopeId: null })).toEqual([200, null, null, 'moved']);
    expect(await change({ scopeId: one })).toEqual([200, one, 'One', 'moved']);
    expect(said(await hosted.patch(at, { scopeId: null, scope: 'Two' }))).toEqual([400, 'invalid_request']);
    expect(said(await hosted.patch(at, { name: 'not changed', scope: 'nope' }))).toEqual([404, 'scope_not_found']);
    expect((await hosted.get(at)).body).toMatchObject({ name: 'moved', scopeId: one });
    await hosted.delete(at);
    await hosted.delete(`/api/v1/scopes/${one}`);
    await hosted.delete(`/api/v1/scopes/${two}`);
  });

  const homeOf = async (name: string): Promise<string> =>
    fleet.engine.pathOf((await fleet.instanceOf(name)).ref ?? '', 'home');

  /** What a command of the runtime writes down. */
  async function seen(name: string): Promise<string> {
    const command = 'echo "$K|${ONLY_ORG-unset}"';
    const { status } = await fleet.chat(name, `<<bash (${command}) \\> seen.out>> <<say done>>`);
    expect(status).toBe(200);
    return readFileSync(path.join(await homeOf(name), 'seen.out'), 'utf8').trim();
  }

  it('an agent of a scope gets its secrets only, and lives on when the scope is deleted', async () => {
    const scopeId = await givenScope('S');
    await hosted.put('/api/v1/secrets', { secrets: { K: 'of-organisation', ONLY_ORG: 'of-organisation-only' } });
    await hosted.put(`/api/v1/scopes/${scopeId}/secrets`, { key: 'K', value: 'of-scope' });
    await fleet.givenAgent('unscoped');
    await fleet.givenAgent('scoped');
    const id = publicIdOf((await fleet.instanceOf('scoped')).agentId);
    const moved = await hosted.patch(`/api/v1/agents/${id}`, { scope: 's' });
    expect([moved.status, moved.body['scopeId'], moved.body['scope']]).toEqual([200, scopeId, 'S']);
    await fleet.admin.post('/api/agents/scoped/stop');
    await fleet.admin.post('/api/agents/scoped/start');
    expect(await seen('unscoped')).toBe('of-organisation|of-organisation-only');
    expect(await seen('scoped')).toBe('of-scope|unset');

    const inScope = await hosted.get<{ agents: Record<string, unknown>[] }>(`/api/v1/agents?scopeId=${scopeId}`);
    expect(inScope.body.agents.map(({ name, scopeId: id, scope }) => [name, id, scope])).toEqual([
      ['scoped', scopeId, 'S'],
    ]);
    const agentId = String(inScope.body.agents[0]?.['agentId']);
    expect((await hosted.get('/api/v1/agents?scopeId=nonsense')).body).toMatchObject({ agents: [], total: 0 });
    const { body } = await hosted.get(`/api/v1/scopes/${scopeId}`);
    expect(body).toMatchObject({ agentCount: 1, agents: [{ agentId, name: 'scoped', status: 'RUNNING' }] });

    const { boot } = await fleet.instanceOf('scoped');
    const gone = await hosted.delete(`/api/v1/scopes/${scopeId}`);
    expect([gone.status, gone.body]).toEqual([200, { deleted: true, droppedSecrets: ['K'] }]);
    const after = await hosted.get(`/api/v1/agents/${agentId}`);
    expect(after.body).toMatchObject({ status: 'RUNNING', scopeId: null, scope: null });
    expect((await fleet.instanceOf('scoped')).boot).toBe(boot);
    expect(await seen('scoped')).toBe('of-scope|unset');
  });
});
