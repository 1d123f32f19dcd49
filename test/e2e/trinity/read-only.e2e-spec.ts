import { AbleEngine } from '../../support/able-engine.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { text } from '../../support/trinity-shapes.js';

const path = '/api/agents/worker/read-only';

describe('read-only mode', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet({ engine: (config, installId) => new AbleEngine(config, installId) });
    await fleet.givenAgent('worker');
  });
  afterAll(() => fleet.close());

  const put = (body: object) => fleet.admin.put(path, body);
  const content = async (file: string) =>
    (await fleet.admin.get(`/api/agents/worker/files/download?path=${file}`)).status;
  const answers = async (): Promise<unknown> =>
    fleet.db.query(
      `select data ->> 'decision' as decision, data ->> 'by' as by from session_events
       where kind = 'approval_answered' order by session_id, seq`,
    );

  it('is off at first, and shows what it would block', async () => {
    const { status, body } = await fleet.admin.get(path);
    expect([status, body]).toEqual([
      200,
      {
        agent_name: 'worker',
        enabled: false,
        config: {
          blocked_patterns: expect.arrayContaining(['*.py', 'Makefile', '.claude/*', '*.toml']),
          allowed_patterns: ['content/*', 'output/*', 'reports/*', 'exports/*', '*.log', '*.txt'],
        },
      },
    ]);
  });

  it.each([
    [{}, 'enabled is required'],
    [{ enabled: null }, 'enabled is required'],
    [{ enabled: 'yes' }, 'enabled must be'],
    [{ enabled: true, config: 'x' }, 'config must be an object'],
    [{ enabled: true, config: [] }, 'config must be an object'],
    [{ enabled: true, config: { blocked_patterns: 'x' } }, 'blocked_patterns must'],
    [{ enabled: true, config: { allowed_patterns: [1] } }, 'allowed_patterns must'],
  ])('%j is refused', async (body, says) => {
    const answer = await put(body);
    expect([answer.status, answer.body]).toEqual([400, { detail: expect.stringContaining(says) }]);
    expect((await fleet.admin.get(path)).body['enabled']).toBe(false);
  });

  it('refuses blocked edits as soon as it is on, and closes the container with its next start', async () => {
    await fleet.chat('worker', '<<write before.py x>>');
    const { status, body } = await put({ enabled: true });
    expect([status, body]).toMatchObject([
      200,
      {
        status: 'updated',
        enabled: true,
        hooks_injected: false,
        message: expect.stringMatching(/^Read-only mode enabled. Start/),
      },
    ]);
    expect((await fleet.admin.get('/api/agents/worker')).body['read_only_enabled']).toBe(true);

    await fleet.chat('worker', '<<write x.py x>> <<write content/x.py x>> <<write notes.md x>> <<bash true>>');
    expect(await Promise.all(['x.py', 'content/x.py', 'notes.md'].map(content))).toEqual([404, 200, 200]);
    const allow = { decision: 'allow', by: 'auto' };
    expect(await answers()).toEqual([{ decision: 'reject', by: 'read-only' }, allow, allow, allow]);

    expect((await fleet.admin.post('/api/agents/worker/start')).status).toBe(200);
    expect((await fleet.instanceOf('worker')).made?.layout.writable).toEqual([
      'content',
      'output',
      'reports',
      'exports',
      '.scripted',
    ]);
    await fleet.chat('worker', '<<write y.py x>>');
    expect(await content('y.py')).toBe(404);
  });

  it('keeps patterns that were given, and never asks a person', async () => {
    const config = { blocked_patterns: ['secret/*'], allowed_patterns: ['secret/open/*'] };
    expect((await put({ enabled: true, config })).body).toMatchObject({ config, hooks_injected: false });
    expect((await fleet.admin.get(path)).body['config']).toEqual(config);
    await fleet.chat('worker', '<<write secret/a x>> <<write secret/open/a x>> <<write z.py x>>');
    expect(await Promise.all(['secret/a', 'secret/open/a', 'z.py'].map(content))).toEqual([404, 200, 200]);
    expect((await fleet.admin.get<object[]>('/~console/approvals')).body).toEqual([]);
  });

  it('is switched off, and remembers the patterns', async () => {
    const off = await put({ enabled: false });
    const config = { blocked_patterns: ['secret/*'], allowed_patterns: ['secret/open/*'] };
    expect(off.body).toMatchObject({ enabled: false, config, hooks_injected: false });
    expect(off.body['message']).toContain('Read-only mode disabled');
    await fleet.admin.post('/api/agents/worker/start');
    expect((await fleet.instanceOf('worker')).made?.layout.writable).toBeNull();
    await fleet.chat('worker', '<<write secret/b x>>');
    expect(await content('secret/b')).toBe(200);
  });

  it('is for owners, and never for a system agent', async () => {
    const bob = await fleet.givenUser('bob');
    expect((await bob.put(path, {})).status).toBe(403);
    expect((await fleet.admin.put('/api/agents/nobody/read-only', {})).status).toBe(404);
    const system = await fleet.admin.put('/api/agents/trinity-system/read-only', { enabled: true });
    expect([system.status, system.body]).toEqual([403, { detail: text }]);
  });
});
