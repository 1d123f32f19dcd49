import { rmSync } from 'node:fs';
import { makeDataDir } from '../../support/database.js';
import { until } from '../../support/until.js';
import { ChildServer } from '../child-server.js';
import {
  expectEngineMatches,
  expectNoStrayProcesses,
  expectReasons,
  expectWholeSessions,
  untilSettled,
} from '../invariants.js';
import { full, report, roundsOf } from '../rig/rounds.js';

// R12: one agent takes a message and never answers, with 200 requests to it at once. Few wait, the rest is refused at once,
// and the other agents go on. Times are told, and judged only where a limit that is missed cannot be the machine.

const callers = 200;
/** What one agent takes through this API: a message that is worked on and three that wait. */
const mostTaken = 4;
const others = Array.from({ length: full ? 49 : 2 }, (_, n) => `brisk-${n}`);
/** Reads of each of the others in a measurement. */
const readsEach = full ? 8 : 30;
/** How much slower the others may become, in the best round: as with benchmarks, a limit is missed when it is missed each time. */
const mostTimes = 1.2;

describe(`one of ${others.length + 1} agents hangs`, () => {
  let server: ChildServer;
  const ratios: number[] = [];
  beforeAll(async () => {
    server = await ChildServer.on(await makeDataDir());
    await server.start();
    for (const name of ['hung', ...others]) {
      expect((await server.admin.post('/api/agents', { name })).status).toBe(200);
    }
    await measure();
  }, 600_000);
  afterAll(async () => {
    await server.clear();
    rmSync(server.dataDir, { recursive: true, force: true });
  }, 600_000);

  /** Every other agent is read and answers a message, five at a time. @returns p95 of the reads, median of the turns */
  async function measure(): Promise<{ readMs: number; chatMs: number }> {
    const [reads, chats]: [number[], number[]] = [[], []];
    const left = [...others];
    const work = async (): Promise<void> => {
      for (let name = left.shift(); name !== undefined; name = left.shift()) {
        for (let n = 0; n < readsEach; n += 1) {
          const began = performance.now();
          expect((await server.admin.get(`/api/agents/${name}`)).status).toBe(200);
          reads.push(performance.now() - began);
        }
        const began = performance.now();
        const chat = await server.admin.post(`/api/agents/${name}/chat`, { message: '<<say here>>' });
        expect([chat.status, chat.body['response']]).toEqual([200, 'here']);
        chats.push(performance.now() - began);
      }
    };
    await Promise.all(Array.from({ length: 5 }, work));
    return { readMs: part(reads, 0.95), chatMs: part(chats, 0.5) };
  }

  it.each(roundsOf(1, 3))(
    `and ${callers} requests are sent to it (round %d)`,
    async (round) => {
      const before = await measure();
      const given = new AbortController();
      const refused: { status: number; error: unknown; wait: string | null }[] = [];
      const calls = Array.from({ length: callers }, () =>
        fetch(`${server.url}/api/agents/hung/chat`, {
          method: 'POST',
          signal: given.signal,
          headers: { 'content-type': 'application/json', authorization: `Bearer ${server.admin.token ?? ''}` },
          body: JSON.stringify({ message: '<<hang>>' }),
        }).then(
          async (answer) => {
            const { detail } = (await answer.json()) as { detail: { error?: string } };
            refused.push({ status: answer.status, error: detail.error, wait: answer.headers.get('retry-after') });
          },
          () => undefined,
        ),
      );
      await until('all but few are refused', () => refused.length >= callers - mostTaken, 60_000);
      await until('it hangs', async () => (await turnsIn('running')) === 1);
      const during = await measure();
      const waiting = await turnsIn('queued');
      const times = during.readMs / before.readMs;
      ratios.push(times);
      const text = (one: typeof before): string => `${one.readMs} ms for a read (p95), ${one.chatMs} ms for a turn`;
      report(
        `one agent hangs, round ${round}`,
        ['a turn that hangs', `${waiting} that wait`, `${refused.length} refused calls`],
        `of ${others.length} others: ${text(during)}; before ${text(before)}; reads ${times.toFixed(2)} times as long`,
      );
      // Nobody was answered since, nobody was let in: the limit holds as long as it hangs.
      expect([await turnsIn('running'), waiting, refused.length]).toEqual([1, mostTaken - 1, callers - mostTaken]);
      const limit = { status: 429, error: 'Agent queue is full', wait: '30' };
      expect(refused.filter((one) => JSON.stringify(one) !== JSON.stringify(limit))).toEqual([]);
      given.abort();
      await Promise.all(calls);
      expect((await server.admin.post('/api/agents/hung/stop')).status).toBe(200);
      await until('no turn waits', async () => (await turnsIn('queued')) + (await turnsIn('running')) === 0);
      expect((await server.admin.post('/api/agents/hung/start')).status).toBe(200);
      const back = await server.admin.post('/api/agents/hung/chat', { message: '<<say back>>' });
      expect([back.status, back.body['response']]).toEqual([200, 'back']);
      await untilSettled(server);
      await expectWholeSessions(server);
      await expectEngineMatches(server);
      await expectNoStrayProcesses(server);
      await expectReasons(server);
    },
    600_000,
  );

  // A few reads tell nothing, so only in the full set.
  (full ? it : it.skip)('and the others are hardly slower', () => {
    process.stdout.write(
      `one agent hangs: reads of the others ${ratios.map((one) => one.toFixed(2)).join(', ')} times\n`,
    );
    expect(Math.min(...ratios)).toBeLessThan(mostTimes);
  });

  const turnsIn = async (state: string): Promise<number> => {
    const [row] = await server.sql<{ count: string }>(`select count(*) from turns where state = '${state}'`);
    return Number(row?.count);
  };
});

/** The value that a part of all are not above, in milliseconds with one decimal. */
function part(times: number[], share: number): number {
  const at = times.sort((a, b) => a - b)[Math.floor(times.length * share)] ?? 0;
  return Math.round(at * 10) / 10;
}
