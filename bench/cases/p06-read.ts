import { type Bar, type Bench, expectRight, interleave, type Row, type Scale, type Take } from '../core/bench.js';
import { load } from '../core/load.js';
import { growthExponent, median, percentile } from '../core/numbers.js';
import { Client, type Product } from '../core/product.js';
import { Reference } from '../core/reference.js';
import { seedStopped } from '../core/seed.js';
import type { World } from '../core/world.js';
import type { BenchDialect } from '../dialects/dialect.js';
import { managing } from '../dialects/index.js';

const enough: Bar = { measure: 'rate', of: 'ratio', sense: 'least', limit: 0.08 };
const prompt: Bar = { measure: 'p99', of: 'product', sense: 'most', limit: 25 };
const name = 'stopped-00001';

/** One authenticated GET of one agent, against a bare server that returns the same bytes. */
export const readApi: Bench = {
  id: 'P6',
  title: 'read API',
  async run(world, scale) {
    const rows: Row[] = [];
    for (const database of world.databases) {
      const product = await world.product({ engine: 'local', database });
      for (const dialect of world.dialects) rows.push(...(await readsOf(world, scale, product, dialect, database)));
    }
    return rows;
  },
};

async function readsOf(
  world: World,
  scale: Scale,
  product: Product,
  dialect: BenchDialect,
  database: string,
): Promise<Row[]> {
  const client = await Client.of(product, dialect);
  await seedStopped(product, 10);
  const bare = await Reference.start('bare-http.mjs');
  const reading = dialect.read(await client.agent(name));
  const { path } = reading;
  const headers = dialect.headers(client.token);
  const bytes = JSON.stringify(await client.ok(reading));
  await bare.ask({ text: bytes });
  const right = (status: number, body: string): boolean => status === 200 && body === bytes;
  expectRight(dialect.isAgent(JSON.parse(bytes), name), `${path} answered ${bytes}`);

  const take = async (side: 'product' | 'bare', connections: number, requests: number): Promise<Take> => {
    const port = side === 'bare' ? bare.hello.port : product.port;
    const cpu = async (): Promise<number> => (side === 'bare' ? await bare.ask() : await product.usage()).cpuMs;
    const before = await cpu();
    const done = await load({ port, path, headers, connections, requests, right });
    const cpuMs = (await cpu()) - before;
    expectRight(done.errors === 0, `${done.errors} of ${requests} answers at c=${connections}`);
    return { ...done, cpuMs };
  };
  const rows: Row[] = [];
  try {
    // What one API adds to another is seen well enough at one size.
    const first = dialect.name === managing.name;
    for (const connections of first ? [1, 50] : [50]) {
      const requests =
        connections === 1 ? scale.pick(300, 2000) : first ? scale.pick(1000, 5000) : scale.pick(500, 1500);
      const takes = await interleave(scale.rounds, {
        reference: () => take('bare', connections, requests),
        product: () => take('product', connections, requests),
      });
      rows.push({
        id: 'P6',
        what: `GET one agent, ${dialect.name}, c=${connections}, ${database}`,
        reference: 'bare node:http, same bytes',
        unit: 'ms',
        bars: connections === 1 ? [enough] : [enough, prompt],
        product: takes.product,
        referenceTakes: takes.reference,
        notes: [],
      });
    }
    const [one] = rows;
    if (one && first)
      rows[0] = { ...one, growth: await growth(product, () => take('product', 1, scale.pick(200, 1000))) };
    return rows;
  } finally {
    await bare.end();
  }
}

async function growth(product: Product, take: () => Promise<Take>): Promise<Row['growth']> {
  const points = [];
  for (const size of [10, 100, 1000]) {
    await seedStopped(product, size);
    await take();
    const p50s = [];
    for (let round = 0; round < 3; round += 1) p50s.push(percentile((await take()).values, 0.5));
    points.push({ size, value: median(p50s) });
  }
  await product.sql(`delete from agents where slug > 'stopped-00010' and slug like 'stopped-%'`);
  return { points, exponent: growthExponent(points) };
}
