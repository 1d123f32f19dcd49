import { full, report } from '../../chaos/rig/rounds.js';
import { Random } from '../../chaos/random.js';
import { hasPostgres, postgresWorld, type PostgresWorld } from '../../chaos/rig/postgres-world.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';
import { type Answered, type Asked, type Fleet as Names, isExplained } from './interleavings.model.js';

const seed = Number(process.env.FLOTILLA_CHAOS_SEED ?? Date.now() % 1_000_000);
const operations = full ? 1000 : 100;
const atOnce = 5;

// The embedded database does one thing at a time: only PostgreSQL shows commands that wait for each other's rows.
const databases = ['the embedded database', ...(hasPostgres ? ['PostgreSQL'] : [])];

/** R15: five commands at once, and some order of them explains every answer and what is there afterwards. */
describe.each(databases)(`conflicting commands on one agent, on %s (seed ${seed})`, (database) => {
  const random = new Random(seed);
  let fleet: Fleet;
  let postgres: PostgresWorld | null = null;
  beforeAll(async () => {
    if (database === 'PostgreSQL') postgres = await postgresWorld();
    fleet = await bootFleet(postgres ? { env: { DATABASE_URL: postgres.url } } : {});
  }, 120_000);
  afterAll(async () => {
    await fleet.close();
    await postgres?.close();
  }, 120_000);

  async function answerTo(asked: Asked): Promise<Answered> {
    const { what, target, fresh } = asked;
    const { status, body } = await (what === 'rename'
      ? fleet.admin.put(`/api/agents/${target}/rename`, { new_name: fresh })
      : what === 'delete'
        ? fleet.admin.delete(`/api/agents/${target}`)
        : what === 'create'
          ? fleet.admin.post('/api/agents', { name: target })
          : fleet.admin.post(`/api/agents/${target}/${what}`));
    return { ...asked, status, detail: status === 200 ? '' : String(body['detail']) };
  }

  /** Waits until everything is as wanted. */
  async function names(): Promise<Names> {
    const rows = await until(
      'everything is as wanted',
      async () => {
        const found = await fleet.db.query<{ slug: string; state: 'running' | 'stopped'; desired: string }>(
          'select a.slug, i.state, i.desired from instances i left join agents a on a.id = i.agent_id',
        );
        return found.every(({ slug, state, desired }) => slug !== null && state === desired) && found;
      },
      120_000,
    );
    return Object.fromEntries(rows.map(({ slug, state }) => [slug, state]));
  }

  it(`explains ${operations} of them, ${atOnce} at once, by an order of each ${atOnce}`, async () => {
    let before: Names = {};
    let overtaken = 0;
    for (let done = 0; done < operations; done += atOnce) {
      const target = random.pick(['alpha', ...Object.keys(before)]);
      const wishes = Array.from({ length: atOnce }, (): Asked => {
        const what = random.pick(['start', 'start', 'stop', 'stop', 'rename', 'delete', 'create'] as const);
        return { what, target, fresh: `alpha-${random.whole(1, 3)}` };
      });
      const answers = await Promise.all(wishes.map(answerTo));
      const after = await names();
      overtaken += answers.filter(({ detail }) => detail.endsWith('meanwhile')).length;
      if (!isExplained(before, answers, after)) {
        throw new Error(`no order explains ${JSON.stringify({ done, before, answers, after }, null, 1)}`);
      }
      before = after;
    }
    report(
      'interleavings',
      [`${operations} commands, ${overtaken} of them overtaken`],
      `explained on ${database} (seed ${seed})`,
    );
    const rows = await fleet.db.query<{ id: string }>('select id from instances order by id');
    const containers = (await fleet.engine.list()).map((found) => found.instanceId).sort();
    expect(containers).toEqual(rows.map((row) => row.id));
    expect([...new Set((await fleet.engine.listVolumes()).map((found) => found.instanceId))].sort()).toEqual(
      rows.map((row) => row.id),
    );
  }, 1_800_000);
});
