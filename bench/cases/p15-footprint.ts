import { type Bar, type Bench, type Row, type Take } from '../core/bench.js';
import { dockerFixture, runtime } from '../core/docker-fixture.js';
import { residentMB } from '../core/host.js';
import { removeAgents, runningAgents } from '../core/local-fleet.js';
import { inParallel, sleep, sum } from '../core/numbers.js';
import { Client, createAgent, type Manager } from '../core/product.js';
import { Reference } from '../core/reference.js';
import { seedStopped } from '../core/seed.js';
import type { World } from '../core/world.js';
import { managing } from '../dialects/index.js';
import { docker, parsed, remove, run } from '../refs/raw-docker.js';

const stopped = 2000;

/** What it holds: nothing, stopped agents, running ones, conversations, and inside a container. */
export const footprint: Bench = {
  id: 'P15',
  title: 'footprint',
  async run(world, scale) {
    const rows: Row[] = [];
    const nest = await Reference.start<{ port: number }>('bare-nest.cjs');
    const bare = (await nest.ask<{ rssMB: number }>()).rssMB;
    await nest.end();
    for (const database of world.databases) {
      const product = await world.fresh({ engine: 'local', database });
      try {
        const empty = (await product.memory()).rssMB;
        const limit = database === 'postgres' ? 200 : 450;
        rows.push({
          ...row(`no agents, ${database}`, 'MB', empty, [most(limit)]),
          reference: 'bare Nest',
          referenceTakes: [{ values: [bare] }],
        });
        if (database === 'embedded')
          rows.push(...(await perAgent(await Client.of(product, managing), scale.pick(10, 30))));
      } finally {
        await product.end();
      }
    }
    return [...rows, ...(await insideContainer(world))];
  },
};

const most = (limit: number): Bar => ({ measure: 'p50', of: 'product', sense: 'most', limit });
const row = (what: string, unit: string, value: number, bars: readonly Bar[], notes: readonly string[] = []): Row => {
  const product: Take[] = [{ values: [value] }];
  return { id: 'P15', what, reference: null, unit, bars, product, referenceTakes: [], notes };
};

async function perAgent(client: Manager, running: number): Promise<Row[]> {
  const { product, dialect } = client;
  const look = async (): Promise<void> => {
    for (let index = 0; index < 3; index += 1) await client.ok(dialect.list());
    await sleep(500);
  };
  const heapKB = async (): Promise<number> => (await product.memory()).heapMB * 1024;
  await look();
  const first = await heapKB();
  await seedStopped(product, stopped);
  await look();
  const rows = [
    row(
      'one stopped agent',
      'KB',
      ((await heapKB()) - first) / stopped,
      [most(5)],
      [`heap after ${stopped} of them and a full list`],
    ),
  ];
  await product.sql(`delete from agents where slug like 'stopped-%'`);

  // What the first ones cost is mostly code that runs for the first time.
  const warm = await runningAgents(client, 'warm', 5);
  await inParallel(warm, 4, (name) => client.ok(dialect.chat(name, '<<say hello>>')));
  await look();
  const before = await heapKB();
  const names = await runningAgents(client, 'foot', running);
  await look();
  const withRunning = await heapKB();
  rows.push(
    row(
      'one running idle agent',
      'KB',
      (withRunning - before) / running,
      [most(50)],
      [`heap, ${running} of them after five others, local engine`],
    ),
  );
  await inParallel(names, 4, (name) => client.ok(dialect.chat(name, '<<say hello>>')));
  await look();
  rows.push(
    row('one open session', 'KB', ((await heapKB()) - withRunning) / running, [], ['heap, after one message each']),
  );
  await removeAgents(client, [...warm, ...names]);
  return rows;
}

/** Memory of everything in an agent's container, less what a container with `sleep` holds. */
async function insideContainer(world: World): Promise<Row[]> {
  const fixture = await dockerFixture(world);
  if (!fixture) return [];
  const { client, product, plain } = fixture;
  const idle = await run({ ...plain, Cmd: ['sleep', '3600'], Entrypoint: [] });
  await createAgent(client, 'inside', runtime);
  await product.ask('warmChannels', { names: ['inside'] });
  const [agent] = await product.sql<{ ref: string }>(
    `select i.ref from instances i join agents a on a.id = i.agent_id where a.slug = 'inside'`,
  );
  const ours = await heldBy(agent?.ref ?? '');
  const theirs = await heldBy(idle);
  await client.ok(client.dialect.remove('inside'));
  await remove(idle);
  const bar: Bar = { measure: 'p50', of: 'added', sense: 'most', limit: 5 };
  return [
    {
      ...row(
        'inside the container, both channels open',
        'MB',
        ours,
        [bar],
        ['proportional set size of all its processes'],
      ),
      reference: 'the same image with sleep',
      referenceTakes: [{ values: [theirs] }],
    },
  ];
}

async function heldBy(id: string): Promise<number> {
  const { Processes } = parsed(await docker('GET', `/containers/${id}/top?ps_args=-o%20pid`)) as {
    Processes: string[][];
  };
  return sum(Processes.map(([pid]) => residentMB(Number(pid), true)));
}
