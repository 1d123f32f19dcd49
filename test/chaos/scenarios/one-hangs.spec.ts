import { rmSync } from 'node:fs';
import { makeDataDir } from '../../support/database.js';
import { until } from '../../support/until.js';
import { ChildServer } from '../child-server.js';
import { report } from '../rig/rounds.js';

// R12: one agent takes a message and never answers, with 200 requests to it at once. The others go on. Times are told, not
// judged: this machine is not alone.

const callers = 200;

describe('one agent hangs', () => {
  let server: ChildServer;
  beforeAll(async () => {
    server = await ChildServer.on(await makeDataDir());
    await server.start();
    for (const name of ['hung', 'brisk']) await server.admin.post('/api/agents', { name });
  }, 120_000);
  afterAll(async () => {
    await server.clear();
    rmSync(server.dataDir, { recursive: true, force: true });
  }, 60_000);

  async function measure(): Promise<{ readMs: number; chatMs: number }> {
    const times: number[] = [];
    for (let n = 0; n < 60; n += 1) {
      const began = performance.now();
      expect((await server.admin.get('/api/agents/brisk')).status).toBe(200);
      times.push(performance.now() - began);
    }
    const began = performance.now();
    const chat = await server.admin.post('/api/agents/brisk/chat', { message: '<<say here>>' });
    expect(chat.body['response']).toBe('here');
    const at = times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)] ?? 0;
    return { readMs: Math.round(at * 10) / 10, chatMs: Math.round(performance.now() - began) };
  }

  it(`and ${callers} requests wait for it`, async () => {
    await measure();
    const before = await measure();
    const given = new AbortController();
    const answers: number[] = [];
    const calls = Array.from({ length: callers }, () =>
      fetch(`${server.url}/api/agents/hung/chat`, {
        method: 'POST',
        signal: given.signal,
        headers: { 'content-type': 'application/json', authorization: `Bearer ${server.admin.token ?? ''}` },
        body: JSON.stringify({ message: '<<hang>>' }),
      }).then(
        ({ status }) => answers.push(status),
        () => undefined,
      ),
    );
    await until('the agent hangs', async () => {
      const rows = await server.sql<{ state: string; count: string }>(
        'select state, count(*) from turns group by state',
      );
      return rows.some((row) => row.state === 'running');
    });
    const during = await measure();
    const [{ waiting } = { waiting: '0' }] = await server.sql<{ waiting: string }>(
      `select count(*) as waiting from turns where state in ('queued', 'running')`,
    );
    const refused = answers.filter((status) => status === 429 || status === 503).length;
    const text = (one: typeof before) => `${one.readMs} ms for a read (p95), ${one.chatMs} ms for a turn`;
    report(
      'one agent hangs',
      [`${waiting} waiting turns`, `${refused} refused calls`],
      `of another agent: ${text(during)}; before ${text(before)}`,
    );
    expect(Number(waiting) + refused).toBe(callers);
    given.abort();
    await Promise.all(calls);
    expect((await server.admin.post('/api/agents/hung/stop')).status).toBe(200);
    await until(
      'no turn waits',
      async () => (await server.sql(`select 1 from turns where state in ('queued', 'running')`)).length === 0,
    );
  }, 120_000);
});
