import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { TrinityClient } from '../../support/trinity-client.js';
import { agentDetail, agentListed, agentStatus, text } from '../../support/trinity-shapes.js';

describe('agents', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let ada: TrinityClient;
  let bob: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    ada = await fleet.givenUser('ada', { email: 'ada@example.com' });
    bob = await fleet.givenUser('bob');
  });
  afterAll(() => fleet.close());

  const share = (name: string, email: string): Promise<unknown> =>
    fleet.db.run(async (tx) => {
      const [agent] = await tx.query<{ id: string }>('select id from agents where slug = $1', [name]);
      await tx.of(AgentShare).insert({ agentId: agent?.id ?? '', email, sharedById: 'x', createdAt: new Date() });
    });

  it('are none at first', async () => {
    const { status, body, headers } = await bob.get('/api/agents');
    expect([status, body]).toEqual([200, []]);
    expect(headers.get('x-flotilla-engine')).toBeNull();
  });

  it('are created with all that is asked for, and run', async () => {
    const { status, body } = await ada.post('/api/agents', {
      name: 'Research Agent!',
      type: 'researcher',
      template: 'business-assistant',
      runtime: 'scripted',
      runtime_model: 'scripted-2',
      resources: { cpu: 0.5, memory: '512m' },
      custom_instructions: 'Be brief.',
      base_image: 'trinity-agent-base:latest',
      tools: ['Bash'],
      mcp_servers: [],
      full_capabilities: false,
      source_branch: 'main',
      role: 'of no meaning',
    });
    const asked = { type: 'researcher', template: 'business-assistant', resources: { cpu: '0.5', memory: '512m' } };
    expect([status, body]).toEqual([200, agentStatus('research-agent', asked)]);
    const detail = await ada.get('/api/agents/research-agent');
    expect([detail.status, detail.body]).toEqual([200, agentDetail('research-agent', { ...asked, owner: 'ada' })]);
  });

  it('are created by their name alone, once', async () => {
    const made = await admin.post('/api/agents', { name: 'plain' });
    expect([made.status, made.body]).toEqual([200, agentStatus('plain')]);
    const again = await admin.post('/api/agents', { name: 'PLAIN' });
    expect([again.status, again.body]).toEqual([409, { detail: 'Agent already exists' }]);
    const others = await bob.post('/api/agents', { name: 'plain' });
    expect([others.status, others.body]).toEqual([409, { detail: 'Agent already exists' }]);
  });

  it('are created once when two ask at the same time', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => admin.post('/api/agents', { name: 'twin' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409]);
    expect((await admin.delete('/api/agents/twin')).status).toBe(200);
  });

  it('are listed newest first, for those who may see them', async () => {
    const { body } = await admin.get<object[]>('/api/agents');
    const fields = { type: 'researcher', template: 'business-assistant', resources: { cpu: '0.5', memory: '512m' } };
    expect(body).toEqual([
      agentListed('plain'),
      agentListed('research-agent', { ...fields, owner: 'ada', is_owner: false }),
    ]);
    const hers = await ada.get<object[]>('/api/agents');
    expect(hers.body).toEqual([agentListed('research-agent', { ...fields, owner: 'ada' })]);
    expect((await bob.get('/api/agents')).body).toEqual([]);
  });

  it('are filtered by any of several tags', async () => {
    await fleet.db.query(`update agents set tags = '["prod", "blue"]' where slug = 'plain'`);
    const names = async (tags: string): Promise<unknown[]> =>
      (await admin.get<{ name: string }[]>(`/api/agents?tags=${tags}`)).body.map(({ name }) => name);
    expect(await names('%20PROD%20,nothing')).toEqual(['plain']);
    expect(await names('nothing')).toEqual([]);
    expect(await names('%20,,%20')).toEqual(['plain', 'research-agent']);
    expect(await names("pr'od")).toEqual([]);
    const { body } = await admin.get('/api/agents/plain');
    expect(body['tags']).toEqual(['blue', 'prod']);
    await fleet.db.query(`update agents set tags = '[]' where slug = 'plain'`);
  });

  it.each<[string, unknown, number, unknown]>([
    ['nothing at all', {}, 422, [{ loc: ['body', 'name'], msg: 'Field required', type: 'missing' }]],
    ['a list', [], 422, expect.any(Array)],
    ['a number for a name', { name: 5 }, 422, [{ loc: ['body', 'name'], msg: text, type: 'string_type' }]],
    ['a name of nothing', { name: '!!!' }, 400, expect.stringContaining('Invalid')],
    ['a long name', { name: 'a'.repeat(64) }, 400, expect.stringContaining('too long')],
    ['a reserved name', { name: 'Context Stats' }, 400, expect.stringContaining('reserved')],
    ["the system's name", { name: 'trinity-system' }, 400, expect.stringContaining('reserved')],
    ['an unknown runtime', { name: 'x', runtime: 'emacs' }, 400, expect.stringContaining('claude-code')],
    ['a long type', { name: 'x', type: 't'.repeat(65) }, 400, text],
    ['bad cores', { name: 'x', resources: { cpu: '-1' } }, 400, text],
    ['no cores', { name: 'x', resources: { cpu: 0 } }, 400, text],
    ['bad memory', { name: 'x', resources: { memory: '4 apples' } }, 400, text],
    ['resources of another shape', { name: 'x', resources: 'big' }, 422, expect.any(Array)],
    ['a template that leads away', { name: 'x', template: 'local:../../etc' }, 400, text],
    ['a bad repository', { name: 'x', github_repo: 'https://github.com/a/b' }, 400, text],
    ['NUL in a text', { name: 'x', custom_instructions: 'a\u0000b' }, 400, expect.stringContaining('NUL')],
    ['a port beyond all ports', { name: 'x', port: 65_536 }, 422, expect.any(Array)],
    ['a foreign image', { name: 'x', base_image: 'evil:latest' }, 403, text],
  ])('are not created from %s', async (_what, body, status, detail) => {
    const answer = await admin.post('/api/agents', body as object);
    expect([answer.status, answer.body]).toEqual([status, { detail }]);
    expect((await admin.get<object[]>('/api/agents')).body).toHaveLength(2);
  });

  it('may have what is optional left out by null', async () => {
    const nulls = { type: null, template: null, runtime: null, runtime_model: null, resources: null, port: null };
    const more = { custom_instructions: null, github_repo: null, base_image: null, tools: null, mcp_servers: null };
    const made = await admin.post('/api/agents', { name: 'nulls', ...nulls, ...more });
    expect([made.status, made.body]).toEqual([200, agentStatus('nulls')]);
    expect((await admin.delete('/api/agents/nulls')).status).toBe(200);
  });

  it('stop and start, each as often as one likes, and keep their files', async () => {
    await fleet.chat('plain', '<<write kept.txt yes>> <<say kept>>');
    for (const time of ['once', 'twice']) {
      const stopped = await admin.post('/api/agents/plain/stop');
      expect([time, stopped.status, stopped.body]).toEqual([time, 200, { message: 'Agent plain stopped' }]);
    }
    const resting = await admin.get('/api/agents/plain');
    expect(resting.body).toEqual(agentDetail('plain', { status: 'stopped' }));
    for (const time of ['once', 'twice']) {
      const started = await admin.post('/api/agents/plain/start');
      const reason = 'no_credentials_enc_file';
      const injection = { credentials_injection: 'skipped', trinity_injection: 'skipped' };
      const credentials_result = { status: 'skipped', reason };
      const expected = { message: 'Agent plain started', ...injection, credentials_result };
      expect([time, started.status, started.body]).toEqual([time, 200, expected]);
    }
    expect((await admin.get('/api/agents/plain')).body).toEqual(agentDetail('plain'));
    expect((await admin.get<string>('/api/agents/plain/files/download?path=kept.txt')).body).toBe('yes\n');
  });

  it.each<[string, string, string]>([
    ['GET', '', 'view'],
    ['DELETE', '', 'own'],
    ['POST', '/start', 'view'],
    ['POST', '/stop', 'view'],
    ['PUT', '/rename', 'own'],
    ['GET', '/info', 'view'],
    ['GET', '/files', 'view'],
    ['GET', '/files/download?path=x', 'view'],
    ['GET', '/logs', 'view'],
    ['GET', '/stats', 'view'],
    ['POST', '/chat', 'view'],
    ['GET', '/chat/history', 'view'],
    ['DELETE', '/chat/history', 'own'],
    ['GET', '/chat/session', 'view'],
    ['GET', '/chat/history/persistent', 'view'],
    ['GET', '/chat/sessions', 'view'],
    ['GET', '/activity', 'view'],
    ['DELETE', '/activity', 'view'],
    ['GET', '/activities', 'view'],
  ])('%s of another one%s is refused', async (method, path, right) => {
    const call = (as: TrinityClient, name: string) =>
      fleet.request(method, `/api/agents/${name}${path}`, {
        token: as.token ?? '',
        ...(method === 'GET' ? {} : { json: { message: 'hi', new_name: 'other' } }),
      });
    const refused = await call(bob, 'research-agent');
    expect([refused.status, refused.body]).toEqual([403, { detail: "You don't have permission to access this agent" }]);
    const missing = await call(admin, 'nobody');
    expect([missing.status, missing.body]).toEqual([404, { detail: 'Agent not found' }]);
    const nameless = await call(admin, 'a%00b');
    expect([nameless.status, nameless.body]).toEqual([404, { detail: 'Agent not found' }]);
    if (right !== 'own') return;
    await share('research-agent', 'shared@example.com');
    const guest = await fleet.givenUser(`guest${path.length}`, { email: `shared@example.com` });
    const half = await call(guest, 'research-agent');
    expect([half.status, half.body]).toEqual([403, { detail: 'Owner access required' }]);
    await fleet.db.query(`delete from agent_shares`);
    await fleet.db.query(`update users set email = null where email = 'shared@example.com'`);
  });

  it('are shared with whoever has the address', async () => {
    await share('plain', 'ada@example.com');
    const { body } = await ada.get<object[]>('/api/agents');
    expect(body).toEqual([
      agentListed('plain', { is_owner: false, is_shared: true }),
      expect.objectContaining({ name: 'research-agent', is_shared: false }),
    ]);
    const detail = await ada.get('/api/agents/plain');
    const guest = { is_owner: false, is_shared: true, can_share: false, can_delete: false };
    expect(detail.body).toEqual(agentDetail('plain', guest));
    expect((await ada.post('/api/agents/plain/start')).status).toBe(200);
    await fleet.db.query(`delete from agent_shares`);
    expect((await ada.get('/api/agents/plain')).status).toBe(403);
  });

  describe('renamed', () => {
    it('move with all they have, and stay stopped until started', async () => {
      const renamed = await admin.put('/api/agents/plain/rename', { new_name: 'Simple One!' });
      expect([renamed.status, renamed.body]).toEqual([
        200,
        {
          message: "Agent renamed from 'plain' to 'simple-one'",
          old_name: 'plain',
          new_name: 'simple-one',
          was_running: true,
          note: 'Agent needs to be restarted to apply all changes',
        },
      ]);
      expect((await admin.get('/api/agents/plain')).body).toEqual({ detail: 'Agent not found' });
      expect((await admin.get('/api/agents/simple-one')).body).toEqual(
        agentDetail('simple-one', { status: 'stopped' }),
      );
      const back = await admin.put('/api/agents/simple-one/rename', { new_name: 'plain' });
      expect(back.body).toMatchObject({ was_running: false, note: null });
      expect((await admin.post('/api/agents/plain/start')).status).toBe(200);
      expect((await admin.get<string>('/api/agents/plain/files/download?path=kept.txt')).body).toBe('yes\n');
      const history = await admin.get('/api/agents/plain/chat/history');
      expect(history.body).toHaveLength(2);
    });

    it.each<[string, unknown, number, unknown]>([
      ['to nothing', { new_name: '   ' }, 400, expect.stringContaining('empty')],
      ['to signs', { new_name: '!!!' }, 400, expect.stringContaining('Invalid')],
      ['to itself', { new_name: 'Plain' }, 400, expect.stringContaining('same')],
      ['to a long name', { new_name: 'b'.repeat(64) }, 400, expect.stringContaining('too long')],
      ['to a taken name', { new_name: 'research agent' }, 409, expect.stringContaining('exists')],
      ['to a reserved name', { new_name: 'scheduler' }, 400, expect.stringContaining('reserved')],
      ['without a name', {}, 422, [{ loc: ['body', 'new_name'], msg: 'Field required', type: 'missing' }]],
    ])('%s are refused and go on', async (_how, body, status, detail) => {
      const answer = await admin.put('/api/agents/plain/rename', body as object);
      expect([answer.status, answer.body]).toEqual([status, { detail }]);
      expect((await admin.get('/api/agents/plain')).body['status']).toBe('running');
    });
  });

  it.each([
    ['DELETE', '/api/agents/trinity-system', expect.stringContaining('System agents cannot be deleted')],
    ['PUT', '/api/agents/trinity-system/rename', expect.stringContaining('System')],
  ])('%s %s is refused, whether it exists or not', async (method, path, detail) => {
    const answer = await fleet.request(method, path, { token: admin.token ?? '', json: { new_name: 'x' } });
    expect([answer.status, answer.body]).toEqual([403, { detail }]);
  });

  it.each(['/api/agents/deploy-local', '/api/agents/scheduler', '/api/agents/activities'])(
    '%s is a path of its own, absent for now',
    async (path) => {
      const answer = await admin.get(path);
      expect([answer.status, answer.body]).toEqual([404, { detail: 'Not Found' }]);
    },
  );

  it('are what they were after a restart of the server, running ones go on', async () => {
    const before = await admin.get('/api/agents');
    const { boot: started } = await fleet.instanceOf('plain');
    await fleet.close({ keep: true });
    fleet = await bootFleet({ dataDir: fleet.dataDir });
    admin = fleet.admin;
    ada = new TrinityClient(fleet.url, ada.token);
    expect((await admin.get('/api/agents')).body).toEqual(before.body);
    expect((await fleet.instanceOf('plain')).boot).toBe(started);
    expect((await fleet.chat('plain', '<<say still here>>')).body['response']).toBe('still here');
  });

  it('are deleted with everything, and the name is free again', async () => {
    const { id } = await fleet.instanceOf('plain');
    const deleted = await admin.delete('/api/agents/plain');
    expect([deleted.status, deleted.body]).toEqual([200, { message: 'Agent plain deleted' }]);
    expect((await admin.get('/api/agents/plain')).body).toEqual({ detail: 'Agent not found' });
    const twice = await admin.delete('/api/agents/plain');
    expect([twice.status, twice.body]).toEqual([404, { detail: 'Agent not found' }]);
    expect(await fleet.engine.inspect(id)).toBeNull();
    expect((await fleet.engine.listVolumes()).map((volume) => volume.instanceId)).not.toContain(id);
    for (const table of ['sessions', 'turns', 'generations']) {
      const [row] = await fleet.db.query<{ n: string }>(`select count(*) as n from ${table} where instance_id = $1`, [
        id,
      ]);
      expect([table, Number(row?.n)]).toEqual([table, 0]);
    }
    const [left] = await fleet.db.query<{ n: string }>(
      'select count(*) as n from activities where agent_id not in (select id from agents)',
    );
    expect(Number(left?.n)).toBe(0);
    await fleet.givenAgent('plain');
    expect((await admin.get('/api/agents/plain/chat/history')).body).toEqual([]);
    expect((await admin.get('/api/agents/plain/files?show_hidden=true')).body['total_files']).toBe(0);
  });
});
