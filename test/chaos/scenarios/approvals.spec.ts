import { rmSync } from 'node:fs';
import { makeDataDir } from '../../support/database.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';
import { ChildServer } from '../child-server.js';
import { expectEngineMatches, expectReasons, expectWholeSessions, openTurns, untilSettled } from '../invariants.js';
import { Random } from '../random.js';
import { signInByMail } from '../rig/people.js';
import { full, report, roundsOf } from '../rig/rounds.js';

// R20: approvals are answered twice, by two people at once (the owner, and somebody the agent is shared with), too late, after a
// restart, or never. There is exactly one decision, and what was decided is what happens.

const seed = Number(process.env.FLOTILLA_CHAOS_SEED ?? Date.now() % 1_000_000);
const ways = ['once', 'twice', 'by two people at once', 'late', 'never'] as const;
type Way = (typeof ways)[number] | 'after a restart';
const operatorEmail = 'operator@example.com';
const asAtOnce = full ? 50 : 5;

interface Approval {
  readonly id: string;
  readonly agent: string;
}

describe(`approvals (seed ${seed})`, () => {
  const random = new Random(seed);
  let server: ChildServer;
  let operator: TrinityClient;
  const agents = ['asker-1', 'asker-2', 'asker-3', 'asker-4', 'asker-5'];
  beforeAll(async () => {
    server = await ChildServer.on(await makeDataDir());
    await server.start();
    for (const name of agents) {
      expect((await server.admin.post('/api/agents', { name })).status).toBe(200);
      expect((await server.admin.put(`/~console/agents/${name}/settings`, { approvals: 'ask' })).status).toBe(200);
      expect((await server.admin.post(`/api/agents/${name}/share`, { email: operatorEmail })).status).toBe(200);
    }
    operator = await signInByMail(server, operatorEmail);
  }, 240_000);
  afterAll(async () => {
    await server.clear();
    rmSync(server.dataDir, { recursive: true, force: true });
  }, 240_000);

  const answer = async (id: string, decision: string, as = server.admin): Promise<number> =>
    (await as.post(`/~console/approvals/${id}/answer`, { decision })).status;

  /** One request for approval from its begin to its end. */
  async function decide(name: string, mark: string, way: Way): Promise<void> {
    const [first, second] = [random.pick(['allow', 'reject']), random.pick(['allow', 'reject'])];
    const chat = server.admin
      .post(`/api/agents/${name}/chat`, { message: `${mark} <<write ${mark}.txt hi>>` })
      .catch(() => null);
    const id = await asked(name);
    if (way === 'after a restart') {
      await server.kill();
      await chat;
      await server.start();
      expect(await asked(name)).toBe(id);
    }
    let allowed = first === 'allow';
    if (way === 'by two people at once') {
      const people = random.next() < 0.5 ? [server.admin, operator] : [operator, server.admin];
      const statuses = await Promise.all([answer(id, first, people[0]), answer(id, second, people[1])]);
      expect([...statuses].sort()).toEqual([200, 409]);
      allowed = (statuses[0] === 200 ? first : second) === 'allow';
    } else if (way === 'never') {
      // Its time is over: the caretaker's next look ends it as rejected.
      await server.sql(`update agent_requests set expires_at = now() - interval '1 second' where id = '${id}'`);
      allowed = false;
    } else {
      if (way === 'late') {
        expect((await server.admin.post(`/api/agents/${name}/stop`)).status).toBe(200);
        expect(await answer(id, 'allow')).toBe(409);
        expect((await server.admin.post(`/api/agents/${name}/start`)).status).toBe(200);
        allowed = false;
      } else expect(await answer(id, first)).toBe(200);
      if (way === 'twice') expect([await answer(id, second), await answer(id, second, operator)]).toEqual([409, 409]);
    }
    await chat;
    await until(
      'its turn is over',
      async () =>
        (await server.sql(`select 1 from turns where prompt like '${mark} %' and state in ('queued', 'running')`))
          .length === 0,
      180_000,
    );
    expect(await answer(id, 'allow')).toBe(409);
    const file = await server.admin.get(`/api/agents/${name}/files/download?path=${mark}.txt`);
    expect({ way, allowed, file: file.status }).toEqual({ way, allowed, file: allowed ? 200 : 404 });
  }

  const asked = (name: string): Promise<string> =>
    until(
      `${name} asks`,
      async () => {
        const { body } = await server.admin.get<Approval[]>('/~console/approvals');
        return body.find(({ agent }) => agent === name)?.id;
      },
      120_000,
    );

  it.each(roundsOf(1, 20))(
    `${asAtOnce} requests, decided in every way (round %d)`,
    async (round) => {
      const decided: string[] = [];
      await Promise.all(
        agents.map(async (name, place) => {
          for (let n = 0; n < asAtOnce / agents.length; n += 1) {
            // In each round every way has its turn, and with another agent than in the one before.
            const way = ways[(round + place + n) % ways.length] ?? 'once';
            await decide(name, `r${round}-${place}-${n}`, way);
            decided.push(way);
          }
        }),
      );
      await decide(agents[0] ?? '', `r${round}-restart`, 'after a restart');
      report(`approvals, round ${round}`, [...decided, 'after a restart'], 'one decision each');
      expect(new Set(decided)).toEqual(new Set(ways));
      const open = await server.sql(`select id, state from agent_requests where state = 'open'`);
      expect(open).toEqual([]);
      const decisions = await server.sql(
        `select turn_id from session_events where kind in ('approval_answered') group by turn_id having count(*) > 1`,
      );
      expect(decisions).toEqual([]);
      await untilSettled(server);
      expect(await openTurns(server)).toEqual([]);
      await expectEngineMatches(server);
      await expectWholeSessions(server);
      await expectReasons(server);
    },
    900_000,
  );
});
