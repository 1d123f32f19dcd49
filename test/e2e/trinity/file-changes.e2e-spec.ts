import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { text } from '../../support/trinity-shapes.js';

const files = '/api/agents/files/files';
const at = (path: string): string => `${files}?path=${encodeURIComponent(path)}`;

describe('changes of files', () => {
  let fleet: Fleet;
  let admin: TrinityClient;
  let guest: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    admin = fleet.admin;
    await fleet.givenAgent('files');
    await fleet.chat(
      'files',
      [
        '<<write src/a.txt ay>> <<write .env SECRET=1>> <<write page.html <script\\>alert(1)</script\\>>>',
        '<<bash mkdir outside; ln -s /etc out; ln -s src in; ln -s src/a.txt link.txt; ln -s /etc/passwd alien.txt>>',
        '<<bash printf "#!/bin/sh\\n" > run.sh; chmod 0755 run.sh; printf "\\211PNG\\000" > a.png; mkdir -p sub/.git>>',
      ].join(' '),
    );
    guest = await fleet.givenUser('guest', { email: 'guest@example.com' });
    const { agentId } = await fleet.instanceOf('files');
    const share = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
    await fleet.db.run((tx) => tx.of(AgentShare).insert(share));
  });
  afterAll(() => fleet.close());

  const read = async (path: string): Promise<unknown> =>
    (await admin.get(`${files}/download?path=${encodeURIComponent(path)}`)).body;
  const answer = async (call: Promise<{ status: number; body: unknown }>): Promise<unknown[]> => {
    const { status, body } = await call;
    return [status, body];
  };

  describe('writing', () => {
    it.each([
      ['new/deep/b.txt', 'new/deep/b.txt'],
      ['/home/developer/new/b.txt', 'new/b.txt'],
      ['./new/../c ü.txt', 'c ü.txt'],
      ['in/d.txt', 'src/d.txt'],
      ['CLAUDE.md', 'CLAUDE.md'],
      ['empty.txt', 'empty.txt'],
    ])('%s', async (path, kept) => {
      for (const content of [path === 'empty.txt' ? '' : 'first\n', 'second ü\n', '']) {
        const written = { success: true, path: kept, size: Buffer.byteLength(content) };
        expect(await answer(admin.put(at(path), { content }))).toEqual([200, written]);
        expect(await read(path)).toBe(content);
      }
    });

    it('replaces the content behind a link that stays inside', async () => {
      expect(await answer(admin.put(at('link.txt'), { content: 'through' }))).toEqual([
        200,
        { success: true, path: 'src/a.txt', size: 7 },
      ]);
      expect(await read('src/a.txt')).toBe('through');
    });

    it('keeps the permissions of a file that is there', async () => {
      await admin.put(at('run.sh'), { content: '#!/bin/sh\necho ran > ran.txt\n' });
      await fleet.chat('files', '<<bash ./run.sh>>');
      expect(await read('ran.txt')).toBe('ran\n');
    });

    it('writes large texts whole', async () => {
      const content = 'line of text\n'.repeat(300_000);
      expect((await admin.put(at('large.txt'), { content })).status).toBe(200);
      expect(await read('large.txt')).toBe(content);
    });
  });

  it('makes folders, also twice', async () => {
    for (const path of ['made/here', 'made/here', '/workspace/made']) {
      const { status, body } = await admin.post(`${files}/mkdir`, { path });
      expect([status, body]).toEqual([200, { success: true, path: path.replace('/workspace/', '') }]);
    }
    const { body } = await admin.get(`${files}?path=made`);
    expect(body['tree']).toMatchObject([{ name: 'here', type: 'directory', file_count: 0 }]);
  });

  describe('deleting', () => {
    it('a file, a folder, and a link but never what it points to', async () => {
      await fleet.chat('files', '<<bash mkdir -p tree/x/y; touch tree/1 tree/x/2; ln -s /etc tree/x/y/etc>>');
      const gone = (path: string, type: string, count: number) => ({
        success: true,
        deleted: path,
        type,
        file_count: count,
      });
      await admin.put(at('single.txt'), { content: 'x' });
      expect(await answer(admin.delete(at('single.txt')))).toEqual([200, gone('single.txt', 'file', 1)]);
      expect(await answer(admin.delete(at('tree')))).toEqual([200, gone('tree', 'directory', 3)]);
      expect(await answer(admin.delete(at('tree')))).toEqual([404, { detail: 'File not found' }]);
      await fleet.chat('files', '<<bash ln -s src/a.txt again.txt>>');
      expect(await answer(admin.delete(at('again.txt')))).toEqual([200, gone('again.txt', 'file', 1)]);
      expect(await read('src/a.txt')).toBe('through');
      expect(await answer(admin.delete(at('out')))).toEqual([200, gone('out', 'file', 1)]);
      await fleet.chat('files', '<<bash ln -s /etc out>>');
    });

    it.each(['.', '/home/developer', 'src/..', '/workspace/'])('not the home itself: %s', async (path) => {
      expect(await answer(admin.delete(at(path)))).toEqual([403, { detail: text }]);
    });

    it.each([
      'CLAUDE.md',
      '.env',
      '.git',
      '.git/config',
      '.gitignore',
      '.mcp.json',
      '.mcp.json.template',
      '.trinity/prompt.md',
      'sub/.git',
    ])('not %s', async (path) => {
      expect(await answer(admin.delete(at(path)))).toEqual([403, { detail: 'This path is protected' }]);
    });
  });

  it.each<[string, string, unknown, number]>([
    ['PUT', '?path=../x', { content: 'x' }, 403],
    ['PUT', '?path=/etc/x', { content: 'x' }, 403],
    ['PUT', '?path=out/x', { content: 'x' }, 403],
    ['PUT', '?path=alien.txt', { content: 'x' }, 403],
    ['PUT', '?path=.env', { content: 'x' }, 403],
    ['PUT', '?path=.git/hooks/x', { content: 'x' }, 403],
    ['PUT', '?path=src', { content: 'x' }, 400],
    ['PUT', '?path=.', { content: 'x' }, 403],
    ['PUT', '?path=src/a.txt/b', { content: 'x' }, 400],
    ['PUT', '?path=a%00b', { content: 'x' }, 400],
    ['PUT', `?path=${'n'.repeat(300)}`, { content: 'x' }, 400],
    ['PUT', '?path=x', {}, 422],
    ['PUT', '?path=x', { content: 1 }, 422],
    ['PUT', '', { content: 'x' }, 422],
    ['DELETE', '', undefined, 422],
    ['DELETE', '?path=missing', undefined, 404],
    ['DELETE', `?path=${'n'.repeat(300)}`, undefined, 400],
    ['DELETE', `?path=${'n'.repeat(2000)}`, undefined, 400],
    ['DELETE', `?path=${'n/'.repeat(2040)}`, undefined, 404],
    ['DELETE', `?path=${'n'.repeat(4097)}`, undefined, 400],
    ['GET', `/preview?path=${'n'.repeat(300)}`, undefined, 404],
    ['POST', '/mkdir', { path: 'n'.repeat(300) }, 400],
    ['DELETE', '?path=out/passwd', undefined, 403],
    ['DELETE', '?path=../x', undefined, 403],
    ['POST', '/mkdir', {}, 422],
    ['POST', '/mkdir', { path: '' }, 422],
    ['POST', '/mkdir', { path: '../x' }, 403],
    ['POST', '/mkdir', { path: 'out/x' }, 403],
    ['POST', '/mkdir', { path: 'src/a.txt' }, 400],
    ['POST', '/mkdir', { path: '.git/x' }, 403],
    ['GET', '/preview', undefined, 422],
    ['GET', '/preview?path=../../../etc/passwd', undefined, 403],
    ['GET', '/preview?path=alien.txt', undefined, 403],
    ['GET', '/preview?path=src', undefined, 400],
    ['GET', '/preview?path=missing', undefined, 404],
  ])('%s %s %j is refused with %d', async (method, path, json, status) => {
    const refused = await fleet.request(method, files + path, { token: admin.token ?? '', json });
    expect([refused.status, Object.keys(refused.body as object)]).toEqual([status, ['detail']]);
    expect(JSON.stringify(refused.body)).not.toContain('nnnn');
  });

  it('those it is shared with change files, but not what is the owner’s', async () => {
    expect((await guest.put(at('guest.txt'), { content: 'hello' })).status).toBe(200);
    expect((await guest.delete(at('guest.txt'))).status).toBe(200);
    for (const path of ['CLAUDE.md', '.ssh/authorized_keys', 'certs/server.key']) {
      expect([path, (await guest.put(at(path), { content: 'x' })).status]).toEqual([path, 403]);
    }
    expect((await guest.delete(at('.claude/settings.json'))).status).toBe(403);
    expect((await guest.get(`${files}/preview?path=.env`)).status).toBe(403);
  });

  it.each([
    ['page.html', 'text/html; charset=utf-8'],
    ['a.png', 'image/png'],
    ['link.txt', 'text/plain; charset=utf-8'],
    ['run.sh', 'text/plain; charset=utf-8'],
  ])('previews %s as %s, inert', async (path, type) => {
    const { status, headers } = await admin.get(`${files}/preview?path=${path}`);
    expect([status, headers.get('content-type')]).toEqual([200, type]);
    expect(headers.get('content-disposition')).toMatch(/^inline; filename="/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("sandbox; default-src 'none'");
    expect(policy).not.toContain('allow-scripts');
  });

  it('who changed what is recorded', async () => {
    const rows = await fleet.db.query<{ action: string; data: unknown }>(
      `select action, data from audit where action in ('agent.file_written', 'agent.file_removed', 'agent.folder_made')
       and data ->> 'path' in ('guest.txt', 'made/here') order by id`,
    );
    expect(rows.map(({ action }) => action)).toEqual([
      'agent.folder_made',
      'agent.folder_made',
      'agent.file_written',
      'agent.file_removed',
    ]);
  });

  it('needs a running agent', async () => {
    await admin.post('/api/agents/files/stop');
    for (const call of [
      admin.put(at('x'), { content: '' }),
      admin.delete(at('x')),
      admin.post(`${files}/mkdir`, { path: 'x' }),
      admin.get(`${files}/preview?path=x`),
    ]) {
      const { status, body } = await call;
      expect([status, body]).toEqual([400, { detail: expect.stringContaining('must be running') }]);
    }
  });
});
