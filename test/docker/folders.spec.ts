import { execFileSync } from 'node:child_process';
import { containersOf, describeDocker, dockerWorld, type DockerWorld, volumesOf } from '../chaos/rig/docker-world.js';
import type { Answer } from '../support/trinity-client.js';
import { until } from '../support/until.js';
import { slowMs } from './turns-support.js';

/** A shell command as the agent's user in its container. */
const sh = (ref: string, script: string): string =>
  execFileSync('docker', ['exec', '-u', 'developer', '-w', '/home/developer', ref, 'sh', '-c', script]).toString();

describeDocker('shared folders and limits in containers', () => {
  let world: DockerWorld;
  beforeAll(async () => {
    world = await dockerWorld();
    for (const name of ['writer', 'reader']) await post('', { name });
  }, 600_000);
  afterAll(() => world.close(), slowMs);

  async function post(path: string, body?: object): Promise<Answer['body']> {
    const answer = await world.server.admin.post(`/api/agents${path}`, body);
    expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
    return answer.body;
  }
  const refOf = async (name: string): Promise<string> =>
    String((await world.server.admin.get(`/api/agents/${name}`)).body['container_id']);
  const chat = async (name: string, message: string): Promise<unknown> =>
    (await post(`/${name}/chat`, { message }))['response'];
  const download = (name: string, path: string) =>
    world.server.admin.get(`/api/agents/${name}/files/download?path=${path}`);

  it(
    'what one agent writes is there for the other after the restart that was asked for, and the conversation goes on',
    async () => {
      const { admin } = world.server;
      expect(await chat('writer', 'remember <<write own.txt mine>> <<say before>>')).toBe('before');
      await admin.put('/api/agents/writer/folders', { expose_enabled: true });
      await admin.put('/api/agents/reader/folders', { consume_enabled: true });
      expect((await admin.get('/api/agents/reader/folders')).body['restart_required']).toBe(true);
      for (const name of ['writer', 'reader']) await post(`/${name}/start`);
      expect((await admin.get('/api/agents/reader/folders')).body['restart_required']).toBe(false);

      await chat('writer', '<<bash mkdir shared-out/deep && echo hello >shared-out/deep/a.txt>>');
      expect(sh(await refOf('writer'), 'cat own.txt; stat -c %U shared-out')).toBe('mine\ndeveloper\n');
      expect((await download('reader', 'shared-in/writer/deep/a.txt')).body).toBe('hello\n');
      await chat('reader', '<<bash echo back | tee -a shared-in/writer/deep/a.txt>>');
      expect((await download('writer', 'shared-out/deep/a.txt')).body).toBe('hello\nback\n');
      expect((await admin.get<object[]>('/api/agents/writer/chat/history')).body).toHaveLength(3);

      sh(await refOf('reader'), 'ln -s /etc/passwd shared-in/writer/link');
      expect((await download('writer', 'shared-out/link')).status).toBe(403);
    },
    slowMs,
  );

  it(
    'survives a rename of its agent, and ends with it',
    async () => {
      const { admin } = world.server;
      await admin.put('/api/agents/writer/rename', { new_name: 'author' });
      await post('/author/start');
      await post('/reader/start');
      const reader = await refOf('reader');
      expect(sh(reader, 'cat shared-in/author/deep/a.txt; ls shared-in')).toBe('hello\nback\nauthor\n');

      expect((await admin.delete('/api/agents/author')).status).toBe(200);
      expect(sh(reader, 'cat shared-in/author/deep/a.txt')).toBe('hello\nback\n');
      await post('/reader/start');
      expect(sh(await refOf('reader'), 'find shared-in -type f | wc -l')).toBe('0\n');
      // Whoever takes over clears away what could not be removed while it was in use.
      await world.server.kill();
      await world.server.start();
      await until('the volume is gone', async () => (await volumesOf(world.install)).length === 2, slowMs);
      expect(await containersOf(world.install)).toHaveLength(1);
    },
    slowMs,
  );

  it(
    'limits hold at once, as the kernel tells',
    async () => {
      const ref = await refOf('reader');
      const { status, body } = await world.server.admin.put('/api/agents/reader/resources', { memory: '1g', cpu: '1' });
      expect([status, body]).toMatchObject([200, { restart_needed: false }]);
      const v1 = 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us';
      const v2 = 'cat /sys/fs/cgroup/memory.max; cut -d" " -f1 /sys/fs/cgroup/cpu.max';
      expect(sh(ref, `{ ${v1}; } 2>/dev/null || { ${v2}; }`)).toBe(`${2 ** 30}\n100000\n`);
      // More than 1 GiB is the end of whoever takes it.
      expect(() => sh(ref, `perl -e 'my @a; push @a, "x" x 1048576 for 1 .. 1100'`)).toThrow('Command failed');
      expect(await refOf('reader')).toBe(ref);
      await post('/reader/start');
      expect(await refOf('reader')).toBe(ref);
    },
    slowMs,
  );
});
