import { execFileSync } from 'node:child_process';
import { User } from '../../../src/core/accounts/user.entity.js';
import { ChildServer } from '../../chaos/child-server.js';
import { makeDataDir } from '../../support/database.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { isInstalled, openTerminal, SshClient } from '../../support/ssh-client.js';
import { stubborn } from '../../support/stubborn.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

const describeSsh = isInstalled('ssh') ? describe : describe.skip;

/** Processes with exactly this command line, anywhere on this machine: the local engine runs here. */
const alive = (mark: string): boolean =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n').includes(mark);

/** Starts it, and waits until all of it runs. */
async function occupy(client: SshClient, agent: string) {
  const { marks, command } = stubborn();
  const child = client.spawn('ssh', [`${agent}@gateway`, command]);
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said += data.toString('utf8')));
  const gone = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until(`all of it runs: ${said}`, () => marks.every(alive));
  return {
    child,
    gone,
    said: () => said,
    /** Client and every process are gone: within five seconds, but this machine may be busy. */
    async isOver(): Promise<void> {
      await until(`every process is gone: ${said}`, () => !marks.some(alive), 15_000);
      await gone;
    },
  };
}

describeSsh('what ends a connection over SSH', () => {
  let fleet: Fleet;
  let client: SshClient;
  let owner: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet({ env: { FLOTILLA_SSH_PORT: '0' } });
    owner = await fleet.givenUser('olga', { signedIn: true, email: 'olga@example.com' });
    const { port } = await fleet.givenAgent('hello', {}, owner);
    client = new SshClient(Number(port));
  });
  afterAll(async () => {
    client.close();
    await fleet.close();
  });

  const grant = async (as: TrinityClient = owner, agent = 'hello'): Promise<void> => {
    const { status, body } = await as.post(`/api/agents/${agent}/ssh-access`, { public_key: client.publicKey });
    expect([status, body]).toMatchObject([200, { status: 'success' }]);
  };
  const list = async (as: TrinityClient = owner) =>
    (await as.get<{ id: string; fingerprint: string; created_by: string }[]>('/~console/agents/hello/ssh-credentials'))
      .body;
  const refused = async (agent = 'hello'): Promise<void> => {
    const { code, stderr } = await client.ssh(agent, 'true');
    expect([code, stderr]).toEqual([255, expect.stringContaining('Permission denied (publickey)')]);
  };

  it('the client leaves', async () => {
    await grant();
    const inside = await occupy(client, 'hello');
    inside.child.kill('SIGKILL');
    await inside.isOver();
  });

  it('the key is revoked', async () => {
    const inside = await occupy(client, 'hello');
    const [{ id } = { id: '' }, ...others] = await list();
    expect(others).toEqual([]);
    expect((await owner.delete(`/~console/agents/hello/ssh-credentials/${id}`)).body).toEqual({ revoked: true });
    await inside.isOver();
    expect(inside.said()).toContain('flotilla: access was taken away');
    await refused();
    expect((await owner.delete(`/~console/agents/hello/ssh-credentials/${id}`)).status).toBe(404);
  });

  it('the key expires', async () => {
    await grant();
    const inside = await occupy(client, 'hello');
    await fleet.db.query(`update ssh_credentials set expires_at = now() - interval '1 second'`);
    await inside.isOver();
    await refused();
    expect(await list()).toEqual([]);
  });

  it('whoever made it is suspended', async () => {
    await grant();
    const inside = await occupy(client, 'hello');
    await fleet.db.of(User).update({ username: 'olga' }, { suspendedAt: new Date() });
    await inside.isOver();
    await refused();
    await fleet.db.of(User).update({ username: 'olga' }, { suspendedAt: null });
    expect((await client.ssh('hello', 'echo back')).stdout.toString('utf8')).toBe('back\n');
  });

  it('whoever made it loses their right', async () => {
    await fleet.db.query('delete from ssh_credentials');
    const helper = await fleet.givenUser('anton', { signedIn: true, role: 'admin' });
    await grant(helper);
    const inside = await occupy(client, 'hello');
    await fleet.db.of(User).update({ username: 'anton' }, { role: 'user' });
    await inside.isOver();
    await refused();
  });

  it('the agent is stopped, and with that its keys are void', async () => {
    await grant();
    const inside = await occupy(client, 'hello');
    expect((await owner.post('/api/agents/hello/stop')).status).toBe(200);
    await inside.isOver();
    await refused();
    expect((await owner.post('/api/agents/hello/start')).status).toBe(200);
    await refused();
  });

  it('a rename ends connections, and the key is good under the new name', async () => {
    await grant();
    const inside = await occupy(client, 'hello');
    expect((await owner.put('/api/agents/hello/rename', { new_name: 'hallo' })).status).toBe(200);
    await inside.isOver();
    await refused('hello');
    const stopped = await client.ssh('hallo', 'true');
    expect([stopped.code, stopped.stderr]).toEqual([255, expect.stringContaining('the agent is not running')]);
    await owner.post('/api/agents/hallo/start');
    expect((await client.ssh('hallo', 'echo new')).stdout.toString('utf8')).toBe('new\n');
    await owner.put('/api/agents/hallo/rename', { new_name: 'hello' });
    await owner.post('/api/agents/hello/start');
  });

  it('on a terminal it is said why', async () => {
    const terminal = await openTerminal(client, 'hello', { cols: 80, rows: 24 });
    terminal.type('echo ready\n');
    await terminal.says(/[\r\n]ready/);
    await fleet.db.query('delete from ssh_credentials');
    await terminal.says(/flotilla: access was taken away/);
    await terminal.ended;
  });

  it('the agent is deleted', async () => {
    await fleet.givenAgent('short', {}, owner);
    await grant(owner, 'short');
    const inside = await occupy(client, 'short');
    await owner.delete('/api/agents/short');
    await inside.isOver();
    await refused('short');
  });

  it('all of it is in the audit, and no name that is no agent', async () => {
    await client.ssh('my-password', 'true');
    const actions = async (): Promise<string[]> =>
      (
        await fleet.db.query<{ line: string }>(
          `select action || ' ' || coalesce(data ->> 'reason', '') as line from audit where action like 'ssh.%' order by id`,
        )
      ).map(({ line }) => line.trim());
    const wanted = [
      ...['ssh.granted', 'ssh.revoked', 'ssh.signed_in', 'ssh.sign_in_refused', 'ssh.ended the client left'],
      ...['access was taken away', 'the agent was stopped'].map((why) => `ssh.ended ${why}`),
    ];
    await until('the last try is noted', async () => (await actions()).at(-1) === 'ssh.sign_in_refused');
    expect(await actions()).toEqual(expect.arrayContaining(wanted));
    expect(JSON.stringify(await fleet.db.query('select * from audit'))).not.toContain('my-password');
  });
});

describeSsh('a server that is killed', () => {
  it('ends what was left when it starts again, and shows the same host key', async () => {
    const server = await ChildServer.on(await makeDataDir(), { FLOTILLA_SSH_PORT: '0' });
    await server.start();
    const create = await server.admin.post('/api/agents', { name: 'hello' });
    const client = new SshClient(Number(create.body['port']));
    await server.admin.post('/api/agents/hello/ssh-access', { public_key: client.publicKey });
    const { child, marks } = await occupyOf(client);
    const before = client.hostKeys();
    await server.kill();
    child.kill('SIGKILL');
    expect(marks.every(alive)).toBe(true);
    await server.start();
    await until('every process is gone', () => !marks.some(alive), 15_000);
    const { body } = await server.admin.get('/api/agents/hello');
    const again = new SshClient(Number(body['port']));
    await server.admin.post('/api/agents/hello/ssh-access', { public_key: again.publicKey });
    expect((await again.ssh('hello', 'echo back')).stdout.toString('utf8')).toBe('back\n');
    const keyOf = (lines: string): string | undefined => lines.split('\n')[0]?.split(' ')[2];
    expect(keyOf(again.hostKeys())).toBe(keyOf(before));
    for (const one of [client, again]) one.close();
    await server.admin.delete('/api/agents/hello');
    await server.stop();
  }, 120_000);
});

async function occupyOf(client: SshClient) {
  const { marks, command } = stubborn();
  const child = client.spawn('ssh', ['hello@gateway', command]);
  await until('all of it runs', () => marks.every(alive));
  return { child, marks };
}
