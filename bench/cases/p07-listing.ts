import { Client as Pg } from 'pg';
import { type Bench, expectRight, interleave, type Row, type Take } from '../core/bench.js';
import { growthExponent, median, percentile } from '../core/numbers.js';
import { Client } from '../core/product.js';
import { rowsOfAgents } from '../refs/direct-sql.js';
import { seedStopped } from '../core/seed.js';

const database = 'postgres';

/** Lists of agents, against one statement that reads the same rows. */
export const listing: Bench = {
  id: 'P7',
  title: 'listing',
  async run(world, scale) {
    if (!world.hasPostgres) return [];
    const url = await world.databaseUrl();
    const product = await world.productOn(url);
    const pg = new Pg({ connectionString: url });
    await pg.connect();
    const rows: Row[] = [];
    try {
      for (const dialect of world.dialects) {
        const client = await Client.of(product, dialect);
        const ours = async (tag: string | undefined, expected: number, times: number): Promise<Take> => {
          const before = await product.usage();
          const values: number[] = [];
          for (let index = 0; index < times; index += 1) {
            const began = performance.now();
            const body: unknown = await client.ok(dialect.list(tag));
            values.push(performance.now() - began);
            expectRight(
              dialect.names(body).length === expected,
              `a list of ${dialect.names(body).length} of ${expected}`,
            );
          }
          return { values, cpuMs: (await product.usage()).cpuMs - before.cpuMs };
        };
        const direct = async (tag: string | undefined, expected: number, times: number): Promise<Take> => {
          const values: number[] = [];
          for (let index = 0; index < times; index += 1) {
            const began = performance.now();
            const found = await rowsOfAgents(pg, tag, dialect.page);
            values.push(performance.now() - began);
            expectRight(found.length === expected, `SQL found ${found.length} of ${expected}`);
          }
          return { values };
        };
        const points: { size: number; value: number }[] = [];
        const { page } = dialect;
        for (const size of page === undefined ? [10, 100, 1000, 10_000] : [10_000]) {
          await seedStopped(product, size);
          for (const tag of size < 1000 || page !== undefined ? [undefined] : [undefined, 'tenth']) {
            const expected = page ?? (tag === undefined ? size : size / 10);
            // A short list is answered by code that must be warm on both sides.
            const times = expected > 1000 ? scale.pick(1, 5) : expected > 100 ? scale.pick(5, 20) : scale.pick(50, 200);
            const before = await product.ask<Record<string, number>>('engineCalls');
            const takes = await interleave(scale.rounds, {
              reference: () => direct(tag, expected, times),
              product: () => ours(tag, expected, times),
            });
            const calls = requestCalls(before, await product.ask('engineCalls'));
            expectRight(calls.length === 0, `the engine was asked: ${calls.join()}`);
            if (tag === undefined)
              points.push({ size, value: median(takes.product.map((take) => percentile(take.values, 0.5))) });
            const full = tag === undefined && expected >= 1000;
            rows.push({
              id: 'P7',
              what: `list of ${expected}${ofWhat(size, tag, page)}, ${dialect.name}, ${database}`,
              reference: 'one SQL statement, same rows',
              unit: 'ms',
              bars: [{ measure: 'p50', of: 'ratio', sense: 'most', limit: full ? 4 : 3 }],
              product: takes.product,
              referenceTakes: takes.reference,
              notes: ['0 engine calls'],
              ...(size === 10_000 && tag === undefined
                ? { growth: { points: [...points], exponent: growthExponent(points) } }
                : {}),
            });
          }
        }
      }
      return rows;
    } finally {
      await pg.end();
      await product.end();
    }
  },
};

const ofWhat = (size: number, tag: string | undefined, page: number | undefined): string =>
  page === undefined ? (tag === undefined ? '' : ` of ${size} by tag`) : ` of ${size}, a page`;

/** Calls that are not the engine watch's own (its ping, its list once a minute). */
function requestCalls(before: Record<string, number>, after: Record<string, number>): string[] {
  const own = new Set(['connect', 'events', 'list', 'listVolumes', 'sample', 'kind', 'findImage']);
  return Object.keys(after).filter((name) => !own.has(name) && (after[name] ?? 0) > (before[name] ?? 0));
}
