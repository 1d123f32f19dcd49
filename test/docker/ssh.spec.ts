import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describeDocker, dockerWorld, type DockerWorld } from '../chaos/rig/docker-world.js';
import { isInstalled, SshClient } from '../support/ssh-client.js';
import { stubborn } from '../support/stubborn.js';
import { until } from '../support/until.js';

const describeSsh = isInstalled('ssh') ? describeDocker : describe.skip;
const itWith = (program: string): jest.It => (isInstalled(program) ? it : it.skip);
const sha = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

// The programs people have, against the image agents really run in: its sftp-server, git, rsync and ps.
describeSsh('SSH into a container', () => {
  let world: DockerWorld;
  let client: SshClient;
  let ref: string;
  beforeAll(async () => {
    world = await dockerWorld({ FLOTILLA_SSH_PORT: '0' });
    const { status, body } = await world.server.admin.post('/api/agents', { name: 'hello' });
    expect([status, body]).toEqual([200, expect.anything()]);
    client = new SshClient(Number(body['port']));
    ref = String((await world.server.admin.get('/api/agents/hello')).body['container_id']);
    await grant();
  }, 1_500_000);
  afterAll(async () => {
    await world.close();
    client.close();
  }, 120_000);

  async function grant(): Promise<void> {
    const granted = await world.server.admin.post('/api/agents/hello/ssh-access', { public_key: client.publicKey });
    expect([granted.status, granted.body]).toMatchObject([200, { status: 'success' }]);
  }
  const lines = (...argv: string[]): string[] => execFileSync('docker', argv, { encoding: 'utf8' }).split('\n');
  const inside = (): string[] => lines('exec', '-u', 'root', ref, 'ps', '-eo', 'args');
  // An exec beside one whose output a deaf child still holds is stuck for seconds in engine 20.10, and so are all others.
  const fromOutside = (): string[] =>
    lines('top', ref, '-eo', 'pid,args').map((line) => line.replace(/^\s*\d+\s+/, ''));
  const said = async (command: string): Promise<string> =>
    (await client.ssh('hello', command)).stdout.toString('utf8').trim();

  it('runs a command as the agent, tells its exit code, and keeps errors apart', async () => {
    const { code, stdout, stderr } = await client.ssh('hello', 'whoami; pwd; echo oops >&2; exit 3');
    expect([code, stdout.toString('utf8'), stderr]).toEqual([3, 'developer\n/home/developer\n', 'oops\n']);
  });

  // Once over SFTP, once in its older form.
  it.each([[[]], [['-O']]])('scp %j copies both ways', async (mode: string[]) => {
    const bytes = randomBytes(5_000_000);
    writeFileSync(client.path('sent'), bytes);
    const there = await client.run('scp', [...mode, '-q', client.path('sent'), 'hello@gateway:copied']);
    const back = await client.run('scp', [...mode, '-q', 'hello@gateway:copied', client.path('back')]);
    expect([there.code, there.stderr, back.code, back.stderr]).toEqual([0, '', 0, '']);
    expect(await said('sha256sum <copied')).toBe(`${sha(bytes)}  -`);
    expect(readFileSync(client.path('back')).equals(bytes)).toBe(true);
  });

  itWith('sftp')('sftp takes a batch', async () => {
    writeFileSync(client.path('a'), 'one');
    const batch = 'mkdir box\nput a box/b\nrename box/b box/c\nget box/c c\nrm box/c\nrmdir box\n';
    const { code, stderr } = await client.run('sftp', ['-q', '-b', '-', 'hello@gateway'], batch);
    expect([code, stderr, readFileSync(client.path('c'), 'utf8')]).toEqual([0, '', 'one']);
  });

  itWith('rsync')('rsync brings a folder there and back, and then only what changed', async () => {
    const bytes = randomBytes(1_000_000);
    mkdirSync(client.path('src/deep'), { recursive: true });
    writeFileSync(client.path('src/deep/big'), bytes);
    writeFileSync(client.path('src/small'), 'one');
    const send = () => client.run('rsync', ['-ai', 'src/', 'hello@gateway:src/']);
    const first = await send();
    expect([first.code, first.stderr, await said('sha256sum <src/deep/big')]).toEqual([0, '', `${sha(bytes)}  -`]);
    writeFileSync(client.path('src/small'), 'another');
    const second = await send();
    expect([second.code, second.stdout.toString('utf8')]).toEqual([0, expect.stringMatching(/^<f\S+ small\n$/)]);
    expect((await client.run('rsync', ['-a', 'hello@gateway:src/', 'mirror/'])).code).toBe(0);
    expect(readFileSync(client.path('mirror/small'), 'utf8')).toBe('another');
    expect(readFileSync(client.path('mirror/deep/big')).equals(bytes)).toBe(true);
  });

  itWith('git')('git clones', async () => {
    const made = await client.ssh(
      'hello',
      `git init -q repo && cd repo && seq 1 50000 >big && git add . &&
       git -c user.email=a@b -c user.name=a commit -qm one && git rev-parse HEAD`,
    );
    expect([made.code, made.stderr]).toEqual([0, '']);
    const clone = await client.run('git', ['clone', '-q', 'ssh://hello@gateway/home/developer/repo', 'clone']);
    expect([clone.code, clone.stderr]).toEqual([0, '']);
    const { stdout } = await client.run('git', ['-C', 'clone', 'rev-parse', 'HEAD']);
    expect(stdout.equals(made.stdout)).toBe(true);
    expect(readFileSync(client.path('clone/big'), 'utf8')).toMatch(/^1\n[^]*\n50000\n$/);
  });

  const revoke = async (): Promise<void> => {
    const { admin } = world.server;
    const { body } = await admin.get<{ id: string }[]>('/~console/agents/hello/ssh-credentials');
    expect(body).toHaveLength(1);
    const answer = await admin.delete(`/~console/agents/hello/ssh-credentials/${body[0]?.id ?? ''}`);
    expect(answer.body).toEqual({ revoked: true });
  };
  const expire = (): Promise<unknown> =>
    world.server.sql(`update ssh_credentials set expires_at = now() - interval '1 second'`);

  it.each([
    ['expires', expire],
    ['is revoked', revoke],
  ])('ends the connection and every process it started when the key %s', async (_, end) => {
    await grant();
    const { marks, command } = stubborn();
    const session = client.run('ssh', ['hello@gateway', command]);
    await until('all of it runs', () => marks.every((mark) => inside().includes(mark)));
    expect(fromOutside()).toEqual(expect.arrayContaining(marks));
    await end();
    const { code, stdout, stderr } = await session;
    expect([code === 0, stdout.toString('utf8')]).toEqual([false, 'here\n']);
    expect(stderr).toContain('flotilla: access was taken away');
    await until('every process is gone', () => !fromOutside().some((line) => marks.includes(line)), 15_000);
    expect(inside().filter((line) => marks.includes(line))).toEqual([]);
    const again = await client.ssh('hello', 'true');
    expect([again.code, again.stderr]).toEqual([255, expect.stringContaining('Permission denied (publickey)')]);
  });
});
