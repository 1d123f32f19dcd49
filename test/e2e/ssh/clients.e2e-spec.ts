import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { isInstalled, openTerminal, SshClient } from '../../support/ssh-client.js';
import { until } from '../../support/until.js';

const describeSsh = isInstalled('ssh') ? describe : describe.skip;

describeSsh('the stock SSH clients, in an agent', () => {
  let fleet: Fleet;
  let client: SshClient;
  beforeAll(async () => {
    fleet = await bootFleet({ env: { FLOTILLA_SSH_PORT: '0', FLOTILLA_SSH_FORWARDING: 'true' } });
    const { port } = await fleet.givenAgent('hello');
    client = new SshClient(Number(port));
    const granted = await fleet.admin.post('/api/agents/hello/ssh-access', { public_key: client.publicKey });
    expect(granted.status).toBe(200);
  });
  afterAll(async () => {
    client.close();
    await fleet.close();
  });

  it('at a port that no agent can have for itself', async () => {
    const asked = await fleet.admin.post('/api/agents', { name: 'second', port: client.port });
    expect([asked.status, asked.body]).toEqual([409, { detail: `Port ${client.port} is already in use` }]);
  });

  it('runs a command as the agent, in its home', async () => {
    const { code, stdout } = await client.ssh('hello', 'echo "$USER $HOME"; pwd; env | grep -c MASTER_KEY');
    const [who = '', where = ''] = stdout.toString('utf8').split('\n');
    expect({ code, who }).toEqual({ code: 1, who: `developer ${where}` });
  });

  it.each([
    ['exit 0', 0],
    ['exit 3', 3],
    ['kill -9 $$', 137],
    ['no-such-program', 127],
  ])('%s ends with %i', async (command, wanted) => {
    expect((await client.ssh('hello', command)).code).toBe(wanted);
  });

  it('keeps output and errors apart', async () => {
    const { stdout, stderr } = await client.ssh('hello', 'echo out; echo err >&2');
    expect([stdout.toString('utf8'), stderr]).toEqual(['out\n', 'err\n']);
  });

  it('carries bytes both ways, up to the end of input', async () => {
    const bytes = randomBytes(5_000_000);
    const { stdout } = await client.ssh('hello', 'cat', bytes);
    expect(stdout.equals(bytes)).toBe(true);
  });

  it('does not wait for input that nobody reads, nor for children in the background', async () => {
    expect((await client.ssh('hello', 'exit 3', randomBytes(5_000_000))).code).toBe(3);
    expect((await client.ssh('hello', 'sleep 300 & echo started')).stdout.toString('utf8')).toBe('started\n');
  });

  it('has a terminal that changes its size', async () => {
    const terminal = await openTerminal(client, 'hello', { cols: 100, rows: 30 });
    terminal.type('stty size\n');
    await terminal.says(/[\r\n]30 100\r/);
    terminal.resize({ cols: 132, rows: 50 });
    terminal.type('stty size; tty; echo $TERM\n');
    await terminal.says(/[\r\n]50 132\r\n\/dev\/pts\/\d+\r\nvt100\r/);
    terminal.type('sleep 1000\n');
    await terminal.says(/sleep 1000\r\n/);
    terminal.type('\x03exit 5\n');
    expect(await terminal.ended).toBe(5);
  });

  // Its older form asks who it runs as: on the local engine agents have no names.
  it.each([[[]]])('copies files with scp %j', async (mode: string[]) => {
    const bytes = randomBytes(2_000_000);
    writeFileSync(client.path('sent'), bytes);
    const there = await client.run('scp', [...mode, '-q', client.path('sent'), 'hello@gateway:copied']);
    const back = await client.run('scp', [...mode, '-q', 'hello@gateway:copied', client.path('back')]);
    expect([there.code, there.stderr, back.code, back.stderr]).toEqual([0, '', 0, '']);
    expect(readFileSync(client.path('back')).equals(bytes)).toBe(true);
  });

  it('takes a batch of sftp', async () => {
    writeFileSync(client.path('a'), 'one');
    const batch = 'mkdir box\nput a box/b\nrename box/b box/c\nget box/c c\nrm box/c\nrmdir box\n';
    const { code, stderr } = await client.run('sftp', ['-q', '-b', '-', 'hello@gateway'], batch);
    expect([code, stderr, readFileSync(client.path('c'), 'utf8')]).toEqual([0, '', 'one']);
  });

  it('clones and pushes with git', async () => {
    const made = await client.ssh(
      'hello',
      `git init -q repo && cd repo && git config user.email a@b && git config user.name a && seq 1 50000 >big &&
       git add . && git commit -qm one && git config receive.denyCurrentBranch updateInstead`,
    );
    expect([made.code, made.stderr]).toEqual([0, '']);
    const { stdout } = await client.ssh('hello', 'pwd');
    const url = `ssh://hello@gateway${stdout.toString('utf8').trim()}/repo`;
    expect((await client.run('git', ['clone', '-q', url, client.path('clone')])).code).toBe(0);
    writeFileSync(client.path('clone/new'), 'hi');
    const push = `cd clone && git add . && git -c user.email=a@b -c user.name=a commit -qm two && git push -q`;
    expect((await client.run('sh', ['-c', push])).code).toBe(0);
    expect((await client.ssh('hello', 'cat repo/new')).stdout.toString('utf8')).toBe('hi');
  });

  it('passes languages on, and nothing else of the client', async () => {
    const { stdout } = await client.run('ssh', [
      ...['-o', 'SetEnv=LC_TEST=hey LD_PRELOAD=/x', 'hello@gateway'],
      'echo "$LC_TEST/$LD_PRELOAD/$SSH_AUTH_SOCK"',
    ]);
    expect(stdout.toString('utf8')).toBe('hey//\n');
  });

  it('reaches a port on the loopback of the agent', async () => {
    const { stdout } = await client.run(
      'ssh',
      ['-W', `127.0.0.1:${new URL(fleet.url).port}`, 'hello@gateway'],
      'GET /health HTTP/1.0\r\n\r\n',
    );
    expect(stdout.toString('utf8')).toContain('"healthy"');
    const elsewhere = await client.run('ssh', ['-W', '192.0.2.1:80', 'hello@gateway']);
    expect(elsewhere.code).not.toBe(0);
  });

  it('forwards neither the agent of keys, nor X11, nor ports to the client', async () => {
    const { stdout } = await client.run('ssh', ['-A', '-X', 'hello@gateway', 'echo "$SSH_AUTH_SOCK$DISPLAY"']);
    expect(stdout.toString('utf8')).toBe('\n');
    const back = await client.run('ssh', [
      '-o',
      'ExitOnForwardFailure=yes',
      '-R',
      '0:127.0.0.1:1',
      'hello@gateway',
      'true',
    ]);
    expect(back.code).toBe(255);
  });

  it('leaves no process and no record behind', async () => {
    await until('nothing is left', async () => (await fleet.db.query('select id from shells')).length === 0);
    const { stdout } = await client.ssh('hello', 'ps -eo args | grep -c "[s]leep 300"');
    expect(stdout.toString('utf8')).toBe('0\n');
  });
});
