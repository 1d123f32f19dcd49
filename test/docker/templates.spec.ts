import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { dockerWorld, type DockerWorld } from '../chaos/rig/docker-world.js';
import { gitHost, type GitHost } from '../support/git-host.js';

const token = 'ghp_TokenThatStaysInTheServer';
// Not synchronously: the proxy before the engine and the git host run in this process.
const output = async (...argv: string[]): Promise<string> =>
  (await promisify(execFile)('docker', argv, { maxBuffer: 64 * 2 ** 20 })).stdout;

describe('agents made from files, in real containers', () => {
  let host: GitHost;
  let world: DockerWorld;
  beforeAll(async () => {
    host = await gitHost(token);
    host.commit('private/app', { 'src/a.txt': 'from the repository\n' });
    world = await dockerWorld({
      FLOTILLA_DEFAULT_RUNTIME: 'opencode',
      OPENAI_API_KEY: '',
      FLOTILLA_GITHUB_URL: host.url,
      GITHUB_TOKEN: token,
    });
  }, 300_000);
  afterAll(async () => {
    await world.close();
    await host.close();
  }, 120_000);

  it('have a template and a repository in their home, and nothing of the token anywhere', async () => {
    const { admin } = world.server;
    const wish = { name: 'seeded', template: 'local:business-assistant', github_repo: 'private/app' };
    const made = await admin.post('/api/agents', wish);
    expect([made.status, made.body]).toEqual([200, expect.objectContaining({ status: 'running' })]);
    const id = String(made.body['container_id']);
    const inside = async (command: string): Promise<string> =>
      (await output('exec', '-u', 'developer', id, 'sh', '-c', command)).trim();

    expect(await inside('cat ~/src/a.txt')).toBe('from the repository');
    expect(await inside('cd && git remote get-url origin && git log --format=%s')).toBe(
      `${host.url}/private/app.git\nfiles`,
    );
    expect(await inside('stat -c "%U %a" ~/CLAUDE.md ~/templates/brief.md ~/src/a.txt')).toBe(
      ['developer 644', 'developer 644', 'developer 644'].join('\n'),
    );
    expect((await admin.get('/api/agents/seeded/info')).body).toMatchObject({ display_name: 'Business assistant' });

    expect(host.seen.some(({ authorization }) => authorization !== null)).toBe(true);
    expect(await output('inspect', id)).not.toContain(token);
    expect(await output('logs', id)).not.toContain(token);
    const search = `grep -rlFs -D skip ${token.slice(0, 12)}'${token.slice(12)}' /home /tmp /etc /opt /var /run /proc/*/environ || true`;
    expect(await output('exec', '-u', 'root', id, 'sh', '-c', search)).toBe('');

    await inside('echo mine > ~/src/a.txt; rm ~/CLAUDE.md');
    const asked = host.seen.length;
    await admin.post('/api/agents/seeded/stop');
    expect((await admin.post('/api/agents/seeded/start')).status).toBe(200);
    expect(await inside('cat ~/src/a.txt; test ! -e ~/CLAUDE.md')).toBe('mine');
    expect(host.seen).toHaveLength(asked);
  }, 300_000);
});
