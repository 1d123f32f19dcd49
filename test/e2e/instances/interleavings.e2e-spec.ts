import { bootFleet, type Fleet } from '../../support/fleet.js';
import { full } from '../../chaos/rig/rounds.js';
import { Random } from '../../chaos/random.js';
import { until } from '../../support/until.js';

const seed = Number(process.env.FLOTILLA_CHAOS_SEED ?? Date.now() % 1_000_000);
const operations = full ? 1000 : 200;
const atOnce = 5;

/** R15: whatever order is asked for in, the answers are an order somebody could have asked for. */
describe(`conflicting commands on one agent (seed ${seed})`, () => {
  const random = new Random(seed);
  let fleet: Fleet;
  let name = 'alpha';
  beforeAll(async () => {
    fleet = await bootFleet();
  });
  afterAll(() => fleet.close());

  async function one(): Promise<void> {
    const what = random.pick(['start', 'start', 'stop', 'stop', 'rename', 'delete', 'create']);
    const target = name;
    const fresh = `alpha-${random.whole(1, 3)}`;
    const { status, body } = await (what === 'rename'
      ? fleet.admin.put(`/api/agents/${target}/rename`, { new_name: fresh })
      : what === 'delete'
        ? fleet.admin.delete(`/api/agents/${target}`)
        : what === 'create'
          ? fleet.admin.post('/api/agents', { name: target })
          : fleet.admin.post(`/api/agents/${target}/${what}`));
    if (what === 'rename' && status === 200) name = fresh;
    expect({ what, target, status, body, fine: status < 500 }).toMatchObject({ fine: true });
    expect([200, 400, 404, 409]).toContain(status);
  }

  it(`survives ${operations} of them without a failure`, async () => {
    for (let done = 0; done < operations; done += atOnce) await Promise.all(Array.from({ length: atOnce }, one));
    await until('everything is as wanted', async () => {
      const rows = await fleet.db.query<{ state: string; desired: string }>('select state, desired from instances');
      return rows.every(({ state, desired }) => state === desired);
    });
    const rows = await fleet.db.query<{ id: string }>('select id from instances order by id');
    const containers = (await fleet.engine.list()).map((found) => found.instanceId).sort();
    expect(containers).toEqual(rows.map((row) => row.id));
    expect([...new Set((await fleet.engine.listVolumes()).map((found) => found.instanceId))].sort()).toEqual(
      rows.map((row) => row.id),
    );
  }, 900_000);
});
