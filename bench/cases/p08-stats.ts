import { type Bench, expectRight, interleave, type Row, type Scale, type Take } from '../core/bench.js';
import { dockerFixture, type DockerFixture, runtime } from '../core/docker-fixture.js';
import { engineCpuMs } from '../core/host.js';
import { load } from '../core/load.js';
import { removeAgents, runningAgents } from '../core/local-fleet.js';
import { inParallel, range, sleep } from '../core/numbers.js';
import { createAgent, type Manager } from '../core/product.js';
import type { World } from '../core/world.js';
import { readCounters } from '../refs/cgroup-files.js';
import { docker } from '../refs/raw-docker.js';

const local = { engine: 'local', database: 'embedded' } as const;
const fleet = 50;
const watchers = 10;

/** Statistics of a whole fleet: what a watcher waits for, how old it is, and what taking them costs. */
export const fleetStats: Bench = {
  id: 'P8',
  title: 'fleet stats',
  async run(world, scale) {
    const watched = await watchedFleet(world, scale);
    const fixture = await dockerFixture(world);
    return fixture ? [...watched, ...(await samplingCost(fixture, scale))] : watched;
  },
};

async function watchedFleet(world: World, scale: Scale): Promise<Row[]> {
  const client = await world.client(local, 'fleet');
  const { product, dialect } = client;
  const names = await runningAgents(client, 'run', fleet);
  const look = async (): Promise<Take> => {
    const took: number[] = [];
    const watcher = async (): Promise<void> => {
      for (const name of names) took.push(...(await one(client, name)));
    };
    const until = performance.now() + 1000;
    const before = await product.usage();
    await Promise.all(Array.from({ length: watchers }, watcher));
    await sleep(Math.max(0, until - performance.now()));
    return { values: took, cpuMs: (await product.usage()).cpuMs - before.cpuMs };
  };
  await look();
  await sleep(4500);
  const seconds = scale.pick(8, 60);
  const product_: Take[] = [];
  const ages: Take[] = [];
  for (let second = 0; second < seconds; second += 1) {
    product_.push(await look());
    const found = await product.ask<(number | null)[]>('statsAges');
    expectRight(found.length === fleet && !found.includes(null), 'an agent has no statistics');
    ages.push({ values: found.map(Number) });
  }
  const common = { reference: null, referenceTakes: [], unit: 'ms' } as const;
  return [
    {
      ...common,
      id: 'P8',
      what: `stats of ${fleet} agents, ${watchers} watchers each second, ${dialect.name}`,
      bars: [{ measure: 'p95', of: 'product', sense: 'most', limit: 20 }],
      product: product_,
      notes: [`local engine: this machine bears ${fleet} running agents there; ${watchers * fleet} requests a second`],
    },
    {
      ...common,
      id: 'P8',
      what: 'age of the data while they watch',
      bars: [{ measure: 'max', of: 'product', sense: 'most', limit: 3000 }],
      product: ages,
      notes: [],
    },
  ];
}

async function one(client: Manager, name: string): Promise<number[]> {
  const { product, dialect, token } = client;
  const right = (status: number, body: string): boolean => status === 200 && dialect.isStats(JSON.parse(body));
  const { path } = dialect.stats(name);
  const done = await load({
    port: product.port,
    path,
    headers: dialect.headers(token),
    connections: 1,
    requests: 1,
    right,
  });
  expectRight(done.errors === 0, `${path} is not right`);
  return done.values;
}

async function samplingCost({ client, product }: DockerFixture, scale: Scale): Promise<Row[]> {
  const count = scale.pick(4, 12);
  const names = range(count).map((index) => `stats-${index + 1}`);
  await inParallel(names, 2, (name) => createAgent(client, name, runtime));
  try {
    const refs = (await product.sql<{ ref: string }>(`select ref from instances where state = 'running'`)).map(
      ({ ref }) => ref,
    );
    const times = scale.pick(5, 8); // the reference waits a second for each
    const cpu = async (work: () => Promise<number>): Promise<Take> => {
      const engine = engineCpuMs();
      const ours = await work();
      return { values: range(times), cpuMs: ours, engineCpuMs: engineCpuMs() - engine };
    };
    const takes = await interleave(scale.rounds, {
      engine: () =>
        cpu(async () => {
          const before = process.cpuUsage();
          for (let turn = 0; turn < times; turn += 1) {
            await Promise.all(refs.map((ref) => docker('GET', `/containers/${ref}/stats?stream=false&one-shot=true`)));
          }
          const { user, system } = process.cpuUsage(before);
          return (user + system) / 1000;
        }),
      files: async () => {
        const before = process.cpuUsage();
        for (let turn = 0; turn < times; turn += 1)
          expectRight((await readCounters(refs)) === refs.length, 'cgroup files are missing');
        const { user, system } = process.cpuUsage(before);
        return { values: range(times), cpuMs: (user + system) / 1000 };
      },
      product: () =>
        cpu(async () => {
          const { cpuMs, seen } = await product.ask<{ cpuMs: number; seen: number }>('sample', { count: times });
          expectRight(seen === refs.length, `${seen} of ${refs.length} were sampled`);
          return cpuMs;
        }),
    });
    const row = (reference: string, referenceTakes: Take[], limit: number | null): Row => ({
      id: 'P8',
      what: `CPU of one sample of ${refs.length} containers against ${reference}`,
      reference,
      unit: '',
      bars:
        limit === null
          ? [{ measure: 'cpu', of: 'ratio', sense: 'most', limit: 2, notYet: 'a goal, not a bar' }]
          : [{ measure: 'cpu', of: 'ratio', sense: 'most', limit }],
      product: takes.product,
      referenceTakes,
      notes: ['only the CPU columns count; other users of the engine are in its share'],
    });
    return [
      row('raw one-shot statistics, in parallel', takes.engine, 0.1),
      row('cgroup files, read directly', takes.files, null),
    ];
  } finally {
    await removeAgents(client, names);
  }
}
