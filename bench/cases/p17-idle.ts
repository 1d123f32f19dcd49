import { type Bench, type Row, type Take } from '../core/bench.js';
import { runningAgents } from '../core/local-fleet.js';
import { range, sleep } from '../core/numbers.js';
import type { Manager } from '../core/product.js';
import { Reference } from '../core/reference.js';

const kind = { engine: 'local', database: 'embedded' } as const;
const fleet = 50;
/** What starting the agents left to do is over by then. */
const settleMs = 10_000;
/** So long after somebody looked the product goes on measuring the fleet every two seconds: no fleet at rest before that. */
const lookMs = 65_000;
let lookedAt = -lookMs;

/**
 * CPU of a fleet at rest, with nobody watching and with one dashboard open. One take of a minute each: what comes round once a
 * minute has to be in it, and the median of shorter ones would leave it out.
 */
export const idleCost: Bench = {
  id: 'P17',
  title: 'idle cost',
  async run(world, scale) {
    const client = await world.client(kind, 'fleet');
    const { product, dialect } = client;
    await runningAgents(client, 'run', fleet);
    const idle = await Reference.start('idle.mjs');
    const seconds = scale.pick(15, 60);
    await sleep(Math.max(settleMs, lookedAt + lookMs - performance.now()));
    const shareOf = async (cpuMs: () => Promise<number>, during: () => Promise<void>): Promise<Take> => {
      const before = await cpuMs();
      const began = performance.now();
      await during();
      return { values: [(((await cpuMs()) - before) / (performance.now() - began)) * 100] };
    };
    const ours = async (): Promise<number> => (await product.usage()).cpuMs;
    const reference = await shareOf(
      async () => (await idle.ask()).cpuMs,
      () => sleep(2000),
    );
    await idle.end();
    const alone = await shareOf(ours, () => sleep(seconds * 1000));
    const watched = await shareOf(ours, () => dashboard(client, seconds));
    lookedAt = performance.now();
    const row = (what: string, product_: Take, limit: number): Row => ({
      id: 'P17',
      what: `${what}, ${fleet} idle agents, ${dialect.name}`,
      reference: 'idle process',
      unit: '% of a core',
      bars: [{ measure: 'p50', of: 'product', sense: 'most', limit }],
      product: [product_],
      referenceTakes: [reference],
      notes: [`${seconds} s, local engine, embedded database`],
    });
    return [row('nobody watches', alone, 0.5), row('one dashboard open', watched, 3)];
  },
};

/** What one open page does: an event socket, the list every 10 s, the statistics of what it shows every 2 s. */
async function dashboard(client: Manager, seconds: number): Promise<void> {
  const { product, dialect, token } = client;
  const crowd = await Reference.start('ws-clients.mjs');
  await crowd.ask({
    do: 'open',
    group: 'page',
    url: `${product.url.replace('http', 'ws')}${dialect.events.path(token)}`,
    count: 1,
  });
  for (const second of range(seconds)) {
    const next = sleep(1000);
    if (second % 10 === 0) await client.ok(dialect.list());
    if (second % 2 === 0) await client.ok(dialect.stats('run-1'));
    await next;
  }
  await crowd.end();
}
