import { execFileSync } from 'node:child_process';
import { type CanaryRun, canaryRun, workload } from '../security/support/canary-run.js';
import { docker } from './support.js';

/** Where a secret may be below the data folder: the master key in its file. */
const documented = ['master.key'];
/** The runtime needs the key of the provider it asks, in its own process, and of no other. */
const inRuntime = /^OpenAI key \(.+\) in another user's environment$/;

const output = (...argv: string[]): string =>
  execFileSync('docker', argv, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });

describe('S13: secrets, with a real runtime in a real container', () => {
  let run: CanaryRun;
  const began = Math.floor(Date.now() / 1000);
  beforeAll(async () => {
    run = await canaryRun({ FLOTILLA_ENGINE: 'docker', FLOTILLA_DEFAULT_RUNTIME: 'opencode' });
  }, 120_000);
  afterAll(() => run.close(), 120_000);

  it('are where they belong only', async () => {
    await run.start(run.planted.password);
    await workload(
      run,
      'canary-docker',
      'work <<write hello.txt hi>> <<bash id; ls -la>> <<read hello.txt>> <<say done>>',
    );
    // It really asked the model, with the key that was planted.
    expect(run.model.sent.join()).toContain(run.planted.openai.value);
    // Asleep it has no process; awake it holds its key.
    expect((await run.call('POST', '/api/agents/canary-docker/chat', { message: '<<say hi>>' })).status).toBe(200);

    const search = await run.search(documented);
    const [{ install } = { install: '' }] = await run.server.sql<{ install: string }>(
      `select value #>> '{}' as install from settings where key = 'flotilla.install_id'`,
    );
    const filters = { label: [`flotilla.install=${install}`] };
    const containers = await docker.listContainers({ all: true, filters });
    expect(containers).toHaveLength(1);
    for (const { Id, ImageID } of containers) {
      search.in('docker inspect', output('inspect', Id));
      search.in('docker logs', output('logs', Id));
      search.in('docker diff', output('diff', Id));
      search.in('docker history', output('history', '--no-trunc', ImageID));
      search.in('image inspect', output('inspect', ImageID));
      search.in('docker top', output('top', Id, 'axww'));
    }
    for (const { Name } of (await docker.listVolumes({ filters: JSON.stringify(filters) })).Volumes) {
      search.in('volume inspect', output('volume', 'inspect', Name));
    }
    search.in(
      'docker events',
      output('events', '--since', String(began), '--until', String(Math.ceil(Date.now() / 1000))),
    );
    expect([...search.hits].filter((hit) => !inRuntime.test(hit))).toEqual([]);
    expect([...search.hits].filter((hit) => inRuntime.test(hit))).not.toEqual([]);
  }, 300_000);

  it("are not in the agent's home or in what a stranger in its container can read", () => {
    const [id = ''] = output('ps', '-q', '--filter', 'label=flotilla.agent=canary-docker').trim().split('\n');
    const found = (user: string, value: string): string =>
      output(
        'exec',
        '-u',
        user,
        id,
        'sh',
        '-c',
        `grep -rlF -- ${value} /home /tmp /etc /opt /var /run 2>/dev/null || true`,
      ).trim();
    for (const { name, value } of Object.values(run.planted)) {
      expect({ name, files: found('10001', value) }).toEqual({ name, files: '' });
      expect({ name, files: found('nobody', value) }).toEqual({ name, files: '' });
    }
  }, 120_000);
});
