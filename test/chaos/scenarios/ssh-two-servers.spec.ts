import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInstalled, SshClient } from '../../support/ssh-client.js';
import { stubborn } from '../../support/stubborn.js';
import { until } from '../../support/until.js';
import { ChildServer } from '../child-server.js';
import { cleanUp, describeDocker, dockerEnv } from '../rig/docker-world.js';
import { hasPostgres, postgresWorld, type PostgresWorld } from '../rig/postgres-world.js';
import { report, roundsOf } from '../rig/rounds.js';

// Two control planes with an SSH gateway each: what one gives or takes holds at the other's door, and for who is inside.

const describeBoth = hasPostgres && isInstalled('ssh') ? describeDocker : describe.skip;

/** The engine runs on this machine, so `ps` sees into its containers. */
const alive = (mark: string): boolean =>
  execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).split('\n').includes(mark);

describeBoth('SSH at two servers on one database', () => {
  let database: PostgresWorld;
  let folder: string;
  let here: ChildServer;
  let there: ChildServer;
  let client: SshClient;
  let install = '';
  beforeAll(async () => {
    database = await postgresWorld();
    folder = mkdtempSync(join(tmpdir(), 'flotilla-ssh-two-'));
    const env = { ...dockerEnv(), DATABASE_URL: database.url, FLOTILLA_SSH_PORT: '0' };
    here = await ChildServer.on(join(folder, 'a'), env);
    there = await ChildServer.on(join(folder, 'b'), env);
    await here.start();
    await there.start();
    const [row] = await database.sql(`select value #>> '{}' as id from settings where key = 'flotilla.install_id'`);
    install = (row?.['id'] as string | undefined) ?? '';
    expect((await here.admin.post('/api/agents', { name: 'shared' })).status).toBe(200);
    // Each server tells the port of its own gateway.
    const { body } = await there.admin.get('/api/agents/shared');
    client = new SshClient(Number(body['port']));
  }, 240_000);
  afterAll(async () => {
    client.close();
    for (const server of [here, there]) await server.kill();
    await cleanUp(install);
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  const grant = async (): Promise<void> => {
    const { status } = await here.admin.post('/api/agents/shared/ssh-access', { public_key: client.publicKey });
    expect(status).toBe(200);
  };
  const revoke = async (): Promise<void> => {
    const { body } = await here.admin.get<{ id: string }[]>('/~console/agents/shared/ssh-credentials');
    expect(body).toHaveLength(1);
    const { status } = await here.admin.delete(`/~console/agents/shared/ssh-credentials/${body[0]?.id ?? ''}`);
    expect(status).toBe(200);
  };
  const refused = async (): Promise<void> => {
    const { code, stderr } = await client.ssh('shared', 'true');
    expect([code, stderr]).toEqual([255, expect.stringContaining('Permission denied (publickey)')]);
  };

  it('shows one host key at both doors', async () => {
    await grant();
    const { body } = await here.admin.get('/api/agents/shared');
    const other = new SshClient(Number(body['port']));
    try {
      await other.ssh('shared', 'true');
      await client.ssh('shared', 'true');
      const keyOf = (lines: string): string | undefined => lines.split('\n')[0]?.split(' ')[2];
      expect(keyOf(other.hostKeys())).toBe(keyOf(client.hostKeys()));
    } finally {
      other.close();
    }
    await revoke();
    await refused();
  }, 60_000);

  it.each(roundsOf(1, 10))(
    'a key that one gives opens the other, and taking it back ends what runs there (round %d)',
    async (round) => {
      await grant();
      const { marks, command } = stubborn();
      const child = client.spawn('ssh', ['shared@gateway', command]);
      let said = '';
      child.stderr.on('data', (data: Buffer) => (said += data.toString('utf8')));
      const gone = new Promise((resolve) => child.once('close', resolve));
      await until(`all of it runs: ${said}`, () => marks.every(alive), 30_000);
      const began = Date.now();
      await revoke();
      await gone;
      const closed = Date.now() - began;
      await until('every process is gone', () => !marks.some(alive), 30_000);
      const took = [`closed after ${closed} ms`, `the last process gone after ${Date.now() - began} ms`];
      report(`SSH key taken away at the other server, round ${round}`, ['a HUP-deaf command'], took.join(', '));
      expect(said).toContain('flotilla: access was taken away');
      await refused();
    },
    120_000,
  );

  it('goes on at the other when the server that gave the key dies', async () => {
    await grant();
    await here.kill();
    expect((await client.ssh('shared', 'echo still here')).stdout.toString('utf8')).toBe('still here\n');
    await here.start();
    await revoke();
    await refused();
  }, 120_000);
});
