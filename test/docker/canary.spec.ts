import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { cleanUp } from '../chaos/rig/docker-world.js';
import { type CanaryRun, canaryRun, workload } from '../security/support/canary-run.js';
import { docker } from './support.js';

/** Where a secret may be below the data folder: the master key in its file. */
const documented = ['master.key'];
/** The runtime has the key of the provider it asks and its agent's own variables in its process, and nothing else. */
const inRuntime = /^(OpenAI key|injected variable|scope secret) \(.+\) in another user's environment$/;

const exec = promisify(execFile);
const output = async (...argv: string[]): Promise<string> => {
  const { stdout, stderr } = await exec('docker', argv, { maxBuffer: 64 * 1024 * 1024 });
  return stdout + stderr;
};

describe('S13: secrets, with a real runtime in a real container', () => {
  let run: CanaryRun;
  let install = '';
  const began = Math.floor(Date.now() / 1000);
  beforeAll(async () => {
    run = await canaryRun({ FLOTILLA_ENGINE: 'docker', FLOTILLA_DEFAULT_RUNTIME: 'opencode' });
  }, 120_000);
  afterAll(async () => {
    await run.close();
    await cleanUp(install); // the network of an installation outlives its server
  }, 120_000);

  it('are where they belong only', async () => {
    await run.start(run.planted.password);
    const [known] = await run.server.sql<{ install: string }>(
      `select value #>> '{}' as install from settings where key = 'flotilla.install_id'`,
    );
    install = known?.install ?? '';
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
    const filters = { label: [`flotilla.install=${install}`] };
    const containers = await docker.listContainers({ all: true, filters });
    expect(containers).toHaveLength(1);
    for (const { Id, ImageID } of containers) {
      search.in('docker inspect', await output('inspect', Id));
      search.in('docker logs', await output('logs', Id));
      search.in('docker diff', await output('diff', Id));
      search.in('docker history', await output('history', '--no-trunc', ImageID));
      search.in('image inspect', await output('inspect', ImageID));
      search.in('docker top', await output('top', Id, 'axww'));
    }
    for (const { Name } of (await docker.listVolumes({ filters: JSON.stringify(filters) })).Volumes) {
      search.in('volume inspect', await output('volume', 'inspect', Name));
    }
    search.in(
      'docker events',
      await output('events', '--since', String(began), '--until', String(Math.ceil(Date.now() / 1000))),
    );
    expect([...search.hits].filter((hit) => !inRuntime.test(hit))).toEqual([]);
    expect([...search.hits].filter((hit) => inRuntime.test(hit))).not.toEqual([]);
  }, 300_000);

  it('are in no file that the agent, or a stranger in its container, can read', async () => {
    const [id = ''] = (await output('ps', '-q', '--filter', 'label=flotilla.agent=canary-docker')).trim().split('\n');
    const values = Object.values(run.planted).flatMap(({ value }) => ['-e', value]);
    for (const user of ['10001', 'nobody']) {
      const search = ['grep', '-rlFs', '-D', 'skip', ...values, '/home', '/tmp', '/etc', '/opt', '/var', '/run'];
      const found = await output('exec', '-u', user, id, ...search).catch(
        (error: unknown) => (error as { stdout: string }).stdout,
      );
      expect({ user, found: found.trim() }).toEqual({ user, found: '' });
    }
  }, 120_000);
});
