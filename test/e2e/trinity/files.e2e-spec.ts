import { writeFileSync } from 'node:fs';
import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { number, text, time } from '../../support/trinity-shapes.js';
import { until } from '../../support/until.js';

const agent = '/api/agents/files';
/** A home with folders, a hidden file, a link out and a link inside. */
const filled = [
  '<<write src/b.txt bee>>',
  '<<write src/a.txt ay>>',
  '<<write Zoo.md zoo>>',
  '<<write .env SECRET=1>>',
  '<<write .hidden/deep.txt deep>>',
  '<<bash ln -s /etc out; ln -s src/a.txt inside.txt; printf "\\377\\000x" > raw.bin; mkdir empty>>',
].join(' ');

describe('information and files', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let guest: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    await fleet.givenAgent('files', { template: 'own-words' });
    await fleet.chat('files', filled);
    guest = await fleet.givenUser('guest', { email: 'guest@example.com' });
    const { agentId } = await fleet.instanceOf('files');
    const share = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
    await fleet.db.run((tx) => tx.of(AgentShare).insert(share));
  });
  afterAll(() => fleet.close());

  const file = (path: string, size: number) => ({
    name: path.split('/').pop(),
    path,
    type: 'file',
    size,
    modified: time,
  });
  const folder = (path: string, children: unknown[]) => ({
    name: path,
    path,
    type: 'directory',
    file_count: children.length,
    modified: time,
    children,
  });
  const base = { base_path: '/home/developer', requested_path: '.' };

  it('lists the home as a tree: folders first, hidden ones left out', async () => {
    const { status, body } = await admin.get(`${agent}/files`);
    expect([status, body]).toEqual([
      200,
      {
        ...base,
        tree: [
          folder('empty', []),
          folder('src', [file('src/a.txt', 3), file('src/b.txt', 4)]),
          file('inside.txt', number),
          file('out', number),
          file('raw.bin', 3),
          file('Zoo.md', 4),
        ],
        total_files: 6,
      },
    ]);
  });

  it.each(['1', 'true', 'True', 'yes'])('show_hidden=%s lists hidden ones too', async (word) => {
    const { body } = await admin.get<{ tree: { name: string }[] }>(`${agent}/files?show_hidden=${word}&lines=10`);
    expect(body.tree.map(({ name }) => name)).toEqual(expect.arrayContaining(['.env', '.hidden']));
  });

  it.each(['src', '/home/developer/src', 'src/', './src/../src', '/workspace/src'])('lists %s alone', async (path) => {
    const { status, body } = await admin.get(`${agent}/files?path=${encodeURIComponent(path)}`);
    const tree = [file('src/a.txt', 3), file('src/b.txt', 4)];
    expect([status, body]).toEqual([200, { ...base, requested_path: 'src', tree, total_files: 2 }]);
  });

  it('answers an empty folder with an empty tree', async () => {
    const { body } = await admin.get(`${agent}/files?path=empty`);
    expect(body).toEqual({ ...base, requested_path: 'empty', tree: [], total_files: 0 });
  });

  it.each<[string, string, number, unknown]>([
    ['files', '?path=../../../etc', 403, text],
    ['files', '?path=/etc', 403, text],
    ['files', '?path=out', 403, text],
    ['files', '?path=missing', 404, 'File not found'],
    ['files', '?path=Zoo.md', 400, text],
    ['files', '?path=a%00b', 400, text],
    ['files', '?show_hidden=perhaps', 422, [{ loc: ['query', 'show_hidden'], msg: text, type: 'bool_type' }]],
    ['files/download', '', 422, [{ loc: ['query', 'path'], msg: 'Field required', type: 'missing' }]],
    ['files/download', '?path=../../../etc/passwd', 403, text],
    ['files/download', '?path=/etc/passwd', 403, text],
    ['files/download', '?path=out/passwd', 403, text],
    ['files/download', '?path=missing', 404, 'File not found'],
    ['files/download', '?path=src', 400, text],
    ['files/download', '?path=/home/developer', 400, text],
    ['files/download', '?path=src/a.txt/b', 404, 'File not found'],
    ['logs', '?tail=ten', 422, [{ loc: ['query', 'tail'], msg: text, type: 'int_type' }]],
    ['logs', '?tail=1.5', 422, [{ loc: ['query', 'tail'], msg: text, type: 'int_type' }]],
  ])('%s%s is refused with %d', async (route, query, status, detail) => {
    const answer = await admin.get(`${agent}/${route}${query}`);
    expect([answer.status, answer.body]).toEqual([status, { detail }]);
  });

  it.each([
    ['src/a.txt', 'ay\n', 'a.txt'],
    ['/home/developer/src/a.txt', 'ay\n', 'a.txt'],
    ['inside.txt', 'ay\n', 'a.txt'],
    ['.env', 'SECRET=1\n', '.env'],
  ])('downloads %s', async (path, content, name) => {
    const { status, body, headers } = await admin.get<string>(
      `${agent}/files/download?path=${encodeURIComponent(path)}`,
    );
    expect([status, body]).toEqual([200, content]);
    expect(headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(headers.get('content-disposition')).toContain(`attachment; filename="${name}"`);
  });

  it('downloads bytes as they are', async () => {
    const answer = await fetch(`${fleet.url}${agent}/files/download?path=raw.bin`, {
      headers: { authorization: `Bearer ${admin.token ?? ''}` },
    });
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(Buffer.from([0xff, 0, 0x78]));
  });

  it('keeps credentials from whoever does not own the agent', async () => {
    const refused = await guest.get(`${agent}/files/download?path=.env`);
    expect([refused.status, refused.body]).toEqual([403, { detail: 'Only the owner may read this file' }]);
    const { body } = await guest.get<{ tree: { name: string }[] }>(`${agent}/files?show_hidden=1`);
    expect(body.tree.map(({ name }) => name)).not.toContain('.env');
    expect((await guest.get<string>(`${agent}/files/download?path=Zoo.md`)).body).toBe('zoo\n');
  });

  it('gives the last lines of the log, of a stopped agent as well', async () => {
    const logs = async (query = ''): Promise<unknown> => (await admin.get(`${agent}/logs${query}`)).body;
    expect(await logs()).toEqual({ logs: expect.stringContaining('generation 1 started') });
    expect(await logs('?tail=0')).toEqual({ logs: '' });
    expect(await logs('?tail=-5')).toEqual({ logs: '' });
    expect(await logs('?tail=99999&lines=10')).toEqual({ logs: expect.stringContaining('generation 1 started') });
    const { logs: last } = (await logs('?tail=1')) as { logs: string };
    expect(last.trimEnd().split('\n')).toHaveLength(1);
  });

  it('replaces what is no text in a log', async () => {
    const { ref } = await fleet.instanceOf('files');
    const file = `${fleet.engine.pathOf(ref ?? '', 'home')}/../log/output.log`;
    writeFileSync(file, Buffer.from([0xff, 0xfe, 0x0a]), { flag: 'a' });
    expect((await admin.get(`${agent}/logs?tail=1`)).body).toEqual({ logs: '\ufffd\ufffd\n' });
  });

  it('measures a running agent', async () => {
    const { status, body } = await admin.get(`${agent}/stats`);
    expect([status, body]).toEqual([
      200,
      {
        cpu_percent: number,
        memory_used_bytes: number,
        memory_limit_bytes: number,
        memory_percent: number,
        network_rx_bytes: 0,
        network_tx_bytes: 0,
        uptime_seconds: number,
        status: 'running',
      },
    ]);
    expect(Number(body['memory_used_bytes'])).toBeGreaterThan(0);
  });

  it('measures an agent that has only just started, and what its programs use of the processor', async () => {
    await admin.post(`${agent}/stop`);
    await admin.post(`${agent}/start`);
    const { status, body } = await admin.get(`${agent}/stats`);
    expect(status).toBe(200);
    expect(Number(body['memory_used_bytes'])).toBeGreaterThan(0);
    const spin = 'for i in 1 2 3 4 5 6 7 8 9; do :; done';
    const work = fleet.chat('files', `<<bash while [ ! -e enough.txt ]; do ${spin}; done>>`);
    await until('a loop that does nothing else is seen', async () => {
      const now = await admin.get(`${agent}/stats`);
      return now.status === 200 && Number(now.body['cpu_percent']) > 10;
    }).finally(() => admin.put(`${agent}/files?path=enough.txt`, { content: '' }));
    await work;
  });

  const common = {
    agent_name: 'files',
    template_name: 'own-words',
    type: 'business-assistant',
    resources: { cpu: '2', memory: '4g' },
  };

  it('describes an agent without a template file', async () => {
    const { status, body } = await admin.get(`${agent}/info`);
    expect([status, body]).toEqual([200, { has_template: false, ...common, status: 'running', message: text }]);
  });

  it('describes an agent by its template file', async () => {
    await fleet.chat('files', '<<write template.yaml name: helper>>');
    const { body } = await admin.get(`${agent}/info`);
    const lists = [
      'use_cases',
      'capabilities',
      'sub_agents',
      'commands',
      'platforms',
      'tools',
      'skills',
      'mcp_servers',
    ];
    const texts = ['display_name', 'tagline', 'description', 'version', 'author', 'updated'];
    expect(body).toEqual({
      has_template: true,
      template_path: '/home/developer/template.yaml',
      ...common,
      name: 'helper',
      ...Object.fromEntries(texts.map((field) => [field, ''])),
      ...Object.fromEntries(lists.map((field) => [field, []])),
      status: 'running',
    });
  });

  it.each(['[broken', 'just text', '- a list'])('is not confused by a template file of %s', async (content) => {
    await fleet.chat('files', `<<write template.yaml ${content}>>`);
    expect((await admin.get(`${agent}/info`)).body).toMatchObject({ has_template: false, status: 'running' });
  });

  describe('of a stopped agent', () => {
    beforeAll(() => admin.post(`${agent}/stop`));

    it.each(['files', 'files/download?path=Zoo.md', 'files/download?path=../x'])('%s is refused', async (path) => {
      const { status, body } = await admin.get(`${agent}/${path}`);
      expect([status, body]).toEqual([400, { detail: expect.stringContaining('must be running') }]);
    });

    it('stats are refused', async () => {
      const { status, body } = await admin.get(`${agent}/stats`);
      expect([status, body]).toEqual([400, { detail: 'Agent is not running' }]);
    });

    it('logs and info are answered', async () => {
      expect((await admin.get(`${agent}/logs`)).body).toEqual({ logs: expect.stringContaining('generation') });
      const { status, body } = await admin.get(`${agent}/info`);
      expect([status, body]).toEqual([200, { has_template: true, ...common, status: 'stopped', message: text }]);
    });
  });
});
