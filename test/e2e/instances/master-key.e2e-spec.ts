import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChildServer } from '../../chaos/child-server.js';
import { makeDataDir } from '../../support/database.js';

const root = join(__dirname, '../../..');
const wrongKey = 'The master key is not the one this database was made with';

describe('changing the master key of a server', () => {
  let server: ChildServer;
  beforeAll(async () => {
    server = await ChildServer.on(await makeDataDir());
    await server.start();
  }, 120_000);
  afterAll(async () => {
    await server.clear();
    rmSync(server.dataDir, { recursive: true, force: true });
  });

  /** Runs the command as `script/rotate-master-key` does. */
  async function rotate(): Promise<{ code: number; said: string }> {
    const argv = ['-r', join(root, 'test/support/register.cjs'), join(root, 'src/rotate-master-key.ts')];
    const env = { PATH: process.env.PATH ?? '', FLOTILLA_DATA_DIR: server.dataDir };
    const child = spawn(process.execPath, argv, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()));
    const [code] = (await once(child, 'close')) as [number];
    return { code, said };
  }
  const file = (name = 'master.key'): string => join(server.dataDir, name);
  const key = (): string => readFileSync(file(), 'utf8');

  /** What the agent was given, as a shell of its runtime sees it. */
  async function seen(): Promise<string> {
    const message = '<<bash printf %s "$KEPT" | tr a-z n-za-m>> <<say done>>';
    const { status, body } = await server.admin.post('/api/agents/alpha/chat', { message });
    expect(status).toBe(200);
    const [row] = await server.sql<{ output: string }>(
      `select details #>> '{output,output}' as output from activities where type = 'tool_call' order by started_at desc limit 1`,
    );
    return row?.output ?? JSON.stringify(body);
  }

  it('keeps what is sealed, and the server refuses the old key', async () => {
    const token = String((await server.admin.post('/api/v1/tokens', { label: 'x' })).body['token']);
    const hosted = server.admin.as(token);
    expect((await hosted.put('/api/v1/secrets', { key: 'KEPT', value: 'kept-value' })).status).toBe(200);
    expect((await server.admin.post('/api/agents', { name: 'alpha' })).status).toBe(200);
    expect(await seen()).toBe('xrcg-inyhr');

    const beside = await rotate();
    expect([beside.code, beside.said]).toEqual([1, expect.stringContaining('is in use by another Flotilla') as string]);
    await server.stop();
    const old = key();
    const done = await rotate();
    expect([done.code, done.said]).toEqual([
      0,
      expect.stringMatching(/^\d+ values are sealed under the new/) as string,
    ]);
    expect(key()).not.toBe(old);
    expect(done.said).not.toContain(key().trim());
    await server.start();
    expect((await server.admin.post('/api/agents/alpha/start')).status).toBe(200);
    expect(await seen()).toBe('xrcg-inyhr');
    expect((await hosted.get('/api/v1/secrets')).status).toBe(200); // tokens outlive the key
    await server.stop();

    // As if it had been cut off after the database was changed, before the file was.
    renameSync(file(), file('master.key.next'));
    writeFileSync(file(), old, { mode: 0o600 });
    const child = server.spawn();
    expect(await once(child, 'close')).toEqual([1, null]);
    expect(server.output).toContain(wrongKey);
    expect(server.output).toContain('run script/rotate-master-key once more');
    const again = await rotate();
    expect([again.code, again.said]).toEqual([0, expect.stringContaining('has the new master key already') as string]);
    await server.start();
    expect(await seen()).toBe('xrcg-inyhr');
  }, 240_000);
});
