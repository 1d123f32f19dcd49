import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { gitHost, type GitHost } from '../../support/git-host.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { text } from '../../support/trinity-shapes.js';

const token = 'ghp_TopSecretTokenOfTheServer';
const files = (name: string): string => `/api/agents/${name}/files`;

describe('templates and repositories', () => {
  const own = mkdtempSync(path.join(tmpdir(), 'own-templates-'));
  let host: GitHost;
  let fleet: Fleet;
  let admin: TrinityClient;
  beforeAll(async () => {
    host = await gitHost(token);
    const yaml = (name: string, more = ''): string => `name: ${name}\ndisplay_name: The ${name}\n${more}`;
    const add = (name: string, content: string): void => {
      mkdirSync(path.dirname(path.join(own, name)), { recursive: true });
      writeFileSync(path.join(own, name), content, { mode: name.endsWith('.sh') ? 0o755 : 0o644 });
    };
    add(
      'crm/template.yaml',
      yaml('crm', 'resources: { cpu: "0.5", memory: 256m }\nrequired_credentials: [CRM_TOKEN]\n'),
    );
    add('crm/run.sh', '#!/bin/sh\necho ran > ran.txt\n');
    add('crm/deep/er/notes.md', 'first\n');
    add('broken/template.yaml', 'resources: { cpu: many }\n');
    host.commit('private/app', { 'a.txt': 'one\n', 'src/b.txt': 'two\n', CLAUDE: 'x' });
    host.commit('private/app', { 'a.txt': 'other\n' }, 'topic/x');
    host.commit('private/tpl', { 'template.yaml': yaml('tpl', 'resources: { cpu: 1, memory: 512m }\n'), 'z.txt': 'z' });
    host.commit('public/bare', { 'readme.md': 'hi\n' });
    host.commit('public/broken', { 'template.yaml': 'a: [' });
    fleet = await bootFleet({
      env: {
        FLOTILLA_TEMPLATES_DIR: own,
        FLOTILLA_GITHUB_URL: host.url,
        GITHUB_TOKEN: token,
        FLOTILLA_TEMPLATE_REPOSITORIES: 'private/tpl, public/broken,public/bare,public/nothing',
      },
    });
    admin = fleet.admin;
  });
  afterAll(async () => {
    await fleet.close();
    await host.close();
    rmSync(own, { recursive: true });
  });

  const read = async (name: string, file: string): Promise<unknown> => {
    const { status, body } = await admin.get(`${files(name)}/download?path=${encodeURIComponent(file)}`);
    return status === 200 ? body : status;
  };
  const bash = async (name: string, command: string): Promise<string> => {
    await fleet.chat(name, `<<bash ${command.replaceAll('>', '\\>')} \\> said.txt 2\\>&1>>`);
    return String(await read(name, 'said.txt'));
  };
  const agents = async (): Promise<string[]> =>
    (await admin.get<{ name: string }[]>('/api/agents')).body.map(({ name }) => name);

  describe('are shown', () => {
    it('in a list, without broken ones', async () => {
      const { status, body } = await admin.get<{ id: string }[]>('/api/templates');
      expect([status, body.map(({ id }) => id)]).toEqual([
        200,
        ['local:business-assistant', 'local:crm', 'local:default', 'github:private/tpl'],
      ]);
      expect(body.at(-1)).toMatchObject({ display_name: 'The tpl', source: 'github', github_repo: 'private/tpl' });
    });

    it.each([
      [
        'local:crm',
        { resources: { cpu: '0.5', memory: '256m' }, required_credentials: ['CRM_TOKEN'], source: 'local' },
      ],
      ['local%3Acrm', { id: 'local:crm' }],
      ['local:default', { display_name: 'General assistant', mcp_servers: [], resources: {}, description: text }],
      ['github:private/tpl', { id: 'github:private/tpl', source: 'github', github_repo: 'private/tpl' }],
      ['github:private%2Ftpl', { display_name: 'The tpl', resources: { cpu: '1', memory: '512m' } }],
    ])('one by one: %s', async (id, fields) => {
      const { status, body } = await admin.get(`/api/templates/${id}`);
      expect([status, body]).toEqual([200, expect.objectContaining(fields)]);
    });

    it.each([
      ['local:none', 404],
      ['none', 404],
      ['local:..%2F..%2Fetc', 404],
      ['..%2Fcrm', 404],
      ['github:private/none', 404],
      ['github:private', 404],
      ['github:public/bare', 404],
      ['github:a/b/c', 404],
      ['local:broken', 400],
      ['github:public/broken', 400],
    ])('or refused: %s with %d', async (id, status) => {
      const answer = await admin.get(`/api/templates/${id}`);
      expect([answer.status, answer.body]).toEqual([status, { detail: text }]);
    });

    it('as an .env to fill in', async () => {
      const { status, body } = await admin.get('/api/templates/env-template?template_id=local:crm');
      const content = '# Credentials for The crm\nCRM_TOKEN=\n';
      expect([status, body]).toEqual([
        200,
        { template_id: 'local:crm', template_name: 'The crm', content, credential_count: 1 },
      ]);
      expect((await admin.get('/api/templates/env-template')).status).toBe(422);
      expect((await admin.get('/api/templates/env-template?template_id=local:none')).status).toBe(404);
    });
  });

  describe('a local template', () => {
    it('fills the home, and its resources win', async () => {
      const made = await fleet.givenAgent('crm', { template: 'crm', resources: { cpu: '2', memory: '4g' } });
      expect(made).toMatchObject({ template: 'crm', resources: { cpu: '0.5', memory: '256m' } });
      expect(await read('crm', 'deep/er/notes.md')).toBe('first\n');
      expect(await bash('crm', './run.sh && cat ran.txt')).toBe('ran\n');
      const { body } = await admin.get('/api/agents/crm/info');
      expect(body).toMatchObject({ has_template: true, template_name: 'crm', display_name: 'The crm' });
    });

    it('is delivered once: what the agent changed or removed stays so', async () => {
      await admin.put(`${files('crm')}?path=deep/er/notes.md`, { content: 'mine\n' });
      await admin.delete(`${files('crm')}?path=run.sh`);
      await admin.post('/api/agents/crm/stop');
      await admin.post('/api/agents/crm/start');
      expect([await read('crm', 'deep/er/notes.md'), await read('crm', 'run.sh')]).toEqual(['mine\n', 404]);
    });

    it('that is shipped gives instructions to every runtime', async () => {
      await fleet.givenAgent('assistant', { template: 'local:business-assistant' });
      expect(await read('assistant', 'CLAUDE.md')).toContain('business assistant');
      expect(await read('assistant', 'AGENTS.md')).toBe(await read('assistant', 'CLAUDE.md'));
      expect((await admin.get('/api/agents/assistant/info')).body).toMatchObject({ has_template: true });
    });

    it('that is not there is a label when its name is bare', async () => {
      expect(await fleet.givenAgent('labelled', { template: 'unheard-of' })).toMatchObject({ template: 'unheard-of' });
      expect((await admin.get('/api/agents/labelled/info')).body).toMatchObject({ has_template: false });
      expect(await fleet.givenAgent('spaced', { template: ' Sales & Söhne (EU) ' })).toMatchObject({
        template: 'Sales & Söhne (EU)',
      });
    });
  });

  describe('a repository', () => {
    it('is cloned into the home, and nothing of the token is there', async () => {
      const made = await fleet.givenAgent('app', { github_repo: 'private/app' });
      expect(made).not.toHaveProperty('token');
      expect((await admin.get('/api/agents/app')).body['github_repo']).toBe('private/app');
      expect([await read('app', 'a.txt'), await read('app', 'src/b.txt')]).toEqual(['one\n', 'two\n']);
      expect(await bash('app', 'git remote get-url origin')).toBe(`${host.url}/private/app.git\n`);
      expect(await bash('app', 'git status --short --branch | head -1')).toBe('## trunk...origin/trunk\n');
      expect(await bash('app', 'git branch -r')).toContain('origin/topic/x');
      expect(await bash('app', 'git log --format=%s')).toBe('files\n');
      const found = await bash('app', 'grep -rl TopSecre[t]Tok . ; env | grep -c TopSecre[t]Tok');
      expect(found).toBe('0\n');
      expect(host.seen.some(({ authorization }) => authorization !== null)).toBe(true);
      expect(await bash('app', 'ls -A | grep -c bundle')).toBe('0\n');
    });

    it('is not cloned again by a restart', async () => {
      await admin.put(`${files('app')}?path=a.txt`, { content: 'mine\n' });
      const before = host.seen.length;
      await admin.post('/api/agents/app/stop');
      await admin.post('/api/agents/app/start');
      expect([host.seen.length, await read('app', 'a.txt')]).toEqual([before, 'mine\n']);
    });

    it('may be taken at another branch', async () => {
      await fleet.givenAgent('branch', { github_repo: 'private/app', source_branch: 'topic/x' });
      expect(await read('branch', 'a.txt')).toBe('other\n');
      expect(await bash('branch', 'git symbolic-ref --short HEAD')).toBe('topic/x\n');
    });

    it('may be a template', async () => {
      const made = await fleet.givenAgent('tpl', { template: 'github:private/tpl' });
      expect(made).toMatchObject({ template: 'github:private/tpl', resources: { cpu: '1', memory: '512m' } });
      expect((await admin.get('/api/agents/tpl')).body['github_repo']).toBe('private/tpl');
      expect(await read('tpl', 'z.txt')).toBe('z');
      expect((await admin.get('/api/agents/tpl/info')).body).toMatchObject({ has_template: true, name: 'tpl' });
    });

    it('may be cloned as a template although it says nothing of itself', async () => {
      const made = await fleet.givenAgent('bare', { template: 'github:public/bare' });
      expect(made).toMatchObject({ template: 'github:public/bare', resources: { cpu: '2', memory: '4g' } });
      expect(await read('bare', 'readme.md')).toBe('hi\n');
      expect((await admin.get('/api/agents/bare')).body['github_repo']).toBe('public/bare');
    });

    it('is taken at main where it has one and no other branch is named', async () => {
      host.commit('private/two', { 'a.txt': 'trunk\n' });
      host.commit('private/two', { 'a.txt': 'main\n' }, 'main');
      const more = { source_mode: false, github_credential_id: null };
      await fleet.givenAgent('at-main', { github_repo: 'private/two', ...more });
      expect(await read('at-main', 'a.txt')).toBe('main\n');
      expect(await bash('at-main', 'git symbolic-ref --short HEAD')).toBe('main\n');
    });

    it('may come with a local template, which adds what is missing', async () => {
      host.commit('public/with', { 'run.sh': 'from the repository\n' });
      await fleet.givenAgent('both', { github_repo: 'public/with', template: 'local:crm' });
      expect(await read('both', 'run.sh')).toBe('from the repository\n');
      expect(await read('both', 'deep/er/notes.md')).toBe('first\n');
    });
  });

  it.each<[object, number, string]>([
    [{ template: 'local:none' }, 400, 'Unknown template'],
    [{ template: 'local:../../etc' }, 400, 'Invalid template'],
    [{ template: '../etc' }, 400, 'Invalid template'],
    [{ template: 'local:broken' }, 400, 'template.yaml of local:broken is not valid'],
    [{ template: 'github:private/none' }, 400, 'Unknown template'],
    [{ template: 'a/b c' }, 400, 'Invalid template'],
    [{ template: 'two\nlines' }, 400, 'Invalid template'],
    [{ template: 'x'.repeat(101) }, 400, 'Invalid template'],
    [{ template: 'github:public/none' }, 400, 'Unknown template'],
    [{ template: 'github:public/broken' }, 400, 'not valid'],
    [{ template: 'github:none' }, 400, 'owner/name'],
    [{ github_repo: 'private/none' }, 400, 'was not found'],
    [{ github_repo: 'public/none' }, 400, 'was not found'],
    [{ github_repo: 'https://github.com/a/b' }, 400, 'owner/name'],
    [{ github_repo: '../b' }, 400, 'owner/name'],
    [{ github_repo: 'private/app', source_branch: 'none' }, 400, 'no branch none'],
    [{ github_repo: 'private/app', source_branch: '--upload-pack=x' }, 400, 'no name of a branch'],
    [{ github_repo: 'private/app', template: 'github:private/tpl' }, 400, 'two repositories'],
    [{ github_repo: 'private/app', github_credential_id: 'c-1' }, 400, 'leave github_credential_id out'],
  ])('%j is refused with %d: %s', async (fields, status, detail) => {
    const before = await agents();
    const answer = await admin.post('/api/agents', { name: 'refused', ...fields });
    expect([answer.status, answer.body]).toEqual([status, { detail: expect.stringContaining(detail) }]);
    expect(JSON.stringify(answer.body)).not.toContain('TopSecret');
    expect(await agents()).toEqual(before);
  });

  it('a template that breaks while it is delivered leaves nothing behind', async () => {
    mkdirSync(path.join(own, 'huge'));
    writeFileSync(path.join(own, 'huge', 'template.yaml'), 'name: huge\n');
    writeFileSync(path.join(own, 'huge', 'big.bin'), Buffer.alloc(11 * 2 ** 20));
    const before = await agents();
    const answer = await admin.post('/api/agents', { name: 'huge', template: 'local:huge' });
    const failed = { detail: 'Failed to create agent. Please try again.' };
    const reason = expect.stringContaining('larger than 10 MB');
    expect([answer.status, answer.body]).toEqual([500, { ...failed, reason }]);
    expect(await agents()).toEqual(before);
    expect((await admin.post('/api/agents', { name: 'huge' })).status).toBe(200);
  });

  it('the server keeps neither the token nor a clone', () => {
    const walk = (folder: string): string[] =>
      readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
        const place = path.join(folder, entry.name);
        return entry.isDirectory() ? walk(place) : entry.isFile() ? [place] : [];
      });
    const places = walk(fleet.dataDir);
    expect(places.length).toBeGreaterThan(0);
    expect(places.filter((place) => readFileSync(place).includes(token))).toEqual([]);
    expect(readdirSync(path.join(fleet.dataDir, 'tmp'))).toEqual([]);
  });
});

describe('without a token', () => {
  let host: GitHost;
  let fleet: Fleet;
  beforeAll(async () => {
    host = await gitHost('unknown');
    host.commit('private/app', { 'a.txt': 'one\n' });
    host.commit('public/app', { 'a.txt': 'public\n' });
    fleet = await bootFleet({ env: { FLOTILLA_GITHUB_URL: host.url } });
  });
  afterAll(async () => {
    await fleet.close();
    await host.close();
  });

  it('public repositories are cloned, private ones refused with what to do', async () => {
    const scratch = path.join(fleet.dataDir, 'tmp');
    mkdirSync(path.join(scratch, 'repository-left-by-a-killed-server'), { recursive: true });
    await fleet.givenAgent('public', { github_repo: 'public/app' });
    const { body } = await fleet.admin.get(`${files('public')}/download?path=a.txt`);
    expect(body).toBe('public\n');
    expect(readdirSync(scratch)).toEqual([]);
    const refused = await fleet.admin.post('/api/agents', { name: 'private', github_repo: 'private/app' });
    expect([refused.status, refused.body]).toEqual([400, { detail: expect.stringContaining('GITHUB_TOKEN') }]);
  });

  it('a host that is away is said to be so', async () => {
    await host.close();
    const refused = await fleet.admin.post('/api/agents', { name: 'away', github_repo: 'public/app' });
    const failed = { detail: 'Failed to create agent. Please try again.' };
    expect([refused.status, refused.body]).toEqual([
      500,
      { ...failed, reason: expect.stringContaining('does not answer') },
    ]);
    host = await gitHost('another');
  });
});
