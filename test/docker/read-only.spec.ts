import { execFileSync, spawnSync } from 'node:child_process';
import { describeDocker, dockerWorld, type DockerWorld } from '../chaos/rig/docker-world.js';
import type { Answer } from '../support/trinity-client.js';
import { slowMs } from './turns-support.js';

const rules = '/opt/trinity/read-only-config.json';

// Real OpenCode with the demo model: what a shell command of the agent may write, and whether the runtime still works.
describeDocker('read-only mode in a container', () => {
  let world: DockerWorld;
  beforeAll(async () => {
    world = await dockerWorld({ FLOTILLA_DEFAULT_RUNTIME: 'opencode', OPENAI_API_KEY: '' });
    expect((await world.server.admin.post('/api/agents', { name: 'keeper' })).status).toBe(200);
  }, 1_500_000);
  afterAll(() => world.close(), slowMs);

  const call = async (method: 'post' | 'put', path: string, body?: object): Promise<Answer['body']> => {
    const answer = await world.server.admin[method](`/api/agents/keeper${path}`, body);
    expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
    return answer.body;
  };
  const ref = async (): Promise<string> =>
    String((await world.server.admin.get('/api/agents/keeper')).body['container_id']);
  const sh = async (script: string, user = 'developer'): Promise<number | null> =>
    spawnSync('docker', ['exec', '-u', user, '-w', '/home/developer', await ref(), 'sh', '-c', script]).status;

  it(
    'a shell command that writes x.py fails, an allowed folder stays writable, and the conversation goes on',
    async () => {
      await call('post', '/chat', { message: '<<bash echo before >kept.py>> <<say ready>>' });
      await call('post', '/credentials/inject', { files: { '.env': 'TOKEN=canary\n', 'deep/a.pem': 'x' } });
      await call('post', '/credentials/export');
      const asked = await call('put', '/read-only', { enabled: true });
      expect(asked).toMatchObject({ hooks_injected: false, enabled: true });
      // The bundle is unpacked again: what it holds is there already, so a closed home is no hindrance.
      expect(await call('post', '/start')).toMatchObject({ credentials_injection: 'success' });
      expect(await sh('test "$(cat .env)" = TOKEN=canary')).toBe(0);

      const turn = await call('post', '/chat', {
        message:
          '<<bash echo a | tee x.py; echo b | tee kept.py; rm -f kept.py; echo c | tee content/x.py; echo done>> <<say tried>>',
      });
      expect(turn['response']).toBe('tried');
      expect(await sh('test ! -e x.py && grep -q before kept.py && grep -q c content/x.py')).toBe(0);
      expect((await world.server.admin.get<object[]>('/api/agents/keeper/chat/history')).body).toHaveLength(4);
      // Not even root, inside.
      expect(await sh('echo x >x.py', 'root')).not.toBe(0);
      expect(await sh('mount -o remount,rw /home/developer', 'root')).not.toBe(0);
    },
    slowMs,
  );

  it(
    'the finer patterns refuse an edit, and the rules lie where the agent cannot change them',
    async () => {
      await call('post', '/chat', { message: '<<write content/a.md hi>> <<say written>>' });
      const patterns = { blocked_patterns: ['*.md'], allowed_patterns: ['content/*'] };
      const changed = await call('put', '/read-only', { enabled: true, config: patterns });
      expect(changed['hooks_injected']).toBe(false); // output, reports and exports are not open any more
      const same = {
        blocked_patterns: ['content/*'],
        allowed_patterns: ['content/', 'output/*', 'reports/*', 'exports/*'],
      };
      await call('put', '/read-only', { enabled: true, config: same });
      await call('post', '/start');
      const again = await call('put', '/read-only', { enabled: true });
      expect(again).toMatchObject({ hooks_injected: true, message: 'Read-only mode enabled' });

      expect(await sh(`test "$(stat -c '%U %a' ${rules})" = 'root 444' && grep -q '"enabled":true' ${rules}`)).toBe(0);
      expect(await sh(`echo '{}' >${rules} || rm -f ${rules} || mv /opt/trinity /opt/t`)).not.toBe(0);
      await call('post', '/chat', { message: '<<write output/b.md hi>> <<say written>>' });
      await call('post', '/chat', { message: '<<write content/b.md hi>> <<say written>>' });
      expect(await sh('test -e output/b.md && test ! -e content/b.md')).toBe(0);
    },
    slowMs,
  );

  it(
    'opens again with the next start after it was switched off',
    async () => {
      expect(await call('put', '/read-only', { enabled: false })).toMatchObject({ hooks_injected: false });
      expect(await sh('echo x >x.py')).not.toBe(0);
      await call('post', '/start');
      expect(await sh(`echo x >x.py && test ! -e ${rules}`)).toBe(0);
      expect(execFileSync('docker', ['inspect', '-f', '{{len .HostConfig.Mounts}}', await ref()]).toString()).toBe(
        '2\n',
      );
    },
    slowMs,
  );
});
