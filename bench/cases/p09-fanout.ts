import { type Bench, expectRight, interleave, type Row, type Take } from '../core/bench.js';
import { median, range } from '../core/numbers.js';
import type { Product } from '../core/product.js';
import { Reference } from '../core/reference.js';
import { seedStopped } from '../core/seed.js';
import type { BenchDialect } from '../dialects/dialect.js';

const kind = { engine: 'local', database: 'embedded' } as const;
const clients = 1000;
const missed = 20;

interface Done {
  readonly lastAt: number;
  readonly wrong: number;
}

interface Audience {
  readonly agentId: string;
  readonly orgId: string;
  readonly token: string;
}

/** One event to a thousand sockets, and a thousand sockets that come back. */
export const fanOut: Bench = {
  id: 'P9',
  title: 'fan-out and resume (P9, P10)',
  async run(world, scale) {
    const rows: Row[] = [];
    for (const dialect of world.dialects) {
      const { events: carried } = dialect;
      if (!carried) continue;
      const product = await world.fresh(kind);
      const bare = await Reference.start('bare-ws.mjs');
      const crowd = await Reference.start('ws-clients.mjs');
      try {
        const who = await audienceOf(product, dialect.name);
        const events = `${product.url.replace('http', 'ws')}${carried.path(who.token)}`;
        const memory = await memoryOf(crowd, product, bare, events);
        const emit = (count: number): Promise<number> => product.ask('emit', { ...who, ...carried.stored, count });
        const text = await wordsOf(crowd, emit);
        const times = scale.pick(5, 20);
        const side = async (group: string, send: () => Promise<number>, cpu: () => Promise<number>): Promise<Take> => {
          const values: number[] = [];
          const before = await cpu();
          for (let turn = 0; turn < times; turn += 1) {
            await crowd.ask({ do: 'reset', group });
            const at = await send();
            const { lastAt, wrong } = await crowd.ask<Done>({ do: 'complete', group, messages: 1 });
            expectRight(wrong === 0, `${wrong} of ${clients} clients did not get the event once`);
            values.push(lastAt - at);
          }
          return { values, cpuMs: (await cpu()) - before };
        };
        const takes = await interleave(scale.rounds, {
          reference: () =>
            side(
              'bare',
              async () => (await bare.ask<{ at: number }>({ text })).at,
              async () => (await bare.ask()).cpuMs,
            ),
          product: () =>
            side(
              'product',
              () => emit(1),
              async () => (await product.usage()).cpuMs,
            ),
        });
        rows.push(
          fanOutRow(dialect, takes),
          memory,
          await resumeRow(crowd, product, who, { name: dialect.name, events: carried }),
        );
      } finally {
        await crowd.end();
        await bare.end();
        await product.end();
      }
    }
    return rows;
  },
};

function fanOutRow(dialect: BenchDialect, takes: { product: Take[]; reference: Take[] }): Row {
  return {
    id: 'P9',
    what: `one event to ${clients} sockets, last client, ${dialect.name}`,
    reference: 'bare ws, same bytes',
    unit: 'ms',
    bars: [{ measure: 'p95', of: 'ratio', sense: 'most', limit: 2 }],
    product: takes.product,
    referenceTakes: takes.reference,
    notes: [
      'the product starts its clock before the event is stored; each client is checked for its right to the agent',
    ],
  };
}

/** A user who is no administrator, owner of one agent. */
async function audienceOf(product: Product, dialect: string): Promise<Audience> {
  await seedStopped(product, 1);
  const { id, orgId, token } = await product.ask<{ id: string; orgId: string; token: string }>('user', {
    username: 'crowd',
    dialect,
  });
  await product.sql(`update agents set owner_id = $1, org_id = $2 where slug = 'stopped-00001'`, [id, orgId]);
  const [agent] = await product.sql<{ id: string }>(`select id from agents where slug = 'stopped-00001'`);
  return { agentId: agent?.id ?? '', orgId, token };
}

async function memoryOf(
  crowd: Reference<unknown>,
  product: Product,
  bare: Reference<{ port: number }>,
  url: string,
): Promise<Row> {
  const before = { ours: (await product.memory()).rssMB, bare: (await bare.ask<{ rssMB: number }>()).rssMB };
  await opened(crowd, 'bare', `ws://127.0.0.1:${bare.hello.port}`);
  await opened(crowd, 'product', url);
  const kb = (after: number, first: number): Take[] => [{ values: [((after - first) * 1024) / clients] }];
  return {
    id: 'P9',
    what: 'memory of one connection',
    reference: 'bare ws',
    unit: 'KB',
    bars: [{ measure: 'p50', of: 'ratio', sense: 'most', limit: 3 }],
    product: kb((await product.memory()).rssMB, before.ours),
    referenceTakes: kb((await bare.ask<{ rssMB: number }>()).rssMB, before.bare),
    notes: [],
  };
}

async function opened(crowd: Reference<unknown>, group: string, url: string): Promise<void> {
  const { open, error } = await crowd.ask<{ open?: number; error?: string }>({
    do: 'open',
    group,
    url,
    count: clients,
  });
  expectRight(open === clients, `${open ?? 0} sockets opened: ${error ?? ''}`);
}

/** The bytes of one event, so that the reference sends the same. */
async function wordsOf(crowd: Reference<unknown>, emit: (count: number) => Promise<number>): Promise<string> {
  await emit(1);
  const done = await crowd.ask<Done>({ do: 'complete', group: 'product', messages: 1 });
  expectRight(done.wrong === 0, 'the first event did not reach everybody');
  const { text } = await crowd.ask<{ text: string }>({ do: 'newest', group: 'product' });
  return text;
}

async function resumeRow(
  crowd: Reference<unknown>,
  product: Product,
  who: Audience,
  dialect: Required<Pick<BenchDialect, 'name' | 'events'>>,
): Promise<Row> {
  const takes: Take[] = [];
  const url = `${product.url.replace('http', 'ws')}${dialect.events.path(who.token, '')}`;
  for (const round of range(4)) {
    await crowd.ask({ do: 'cut', group: 'product' });
    await product.ask('emit', { ...who, ...dialect.events.stored, count: missed });
    const done = await crowd.ask<Done & { at: number; error?: string }>({
      do: 'resume',
      group: 'product',
      url,
      messages: missed,
    });
    expectRight(
      done.error === undefined && done.wrong === 0,
      `${done.wrong} clients missed something ${done.error ?? ''}`,
    );
    if (round > 0) takes.push({ values: [done.lastAt - done.at] });
  }
  return {
    id: 'P10',
    what: `${clients} clients cut and back, ${missed} events missed, ${dialect.name}`,
    reference: null,
    unit: 'ms',
    bars: [{ measure: 'max', of: 'product', sense: 'most', limit: 5000 }],
    product: takes,
    referenceTakes: [],
    notes: [`0 missing, 0 doubled, in order; median ${median(takes.flatMap(({ values }) => values)).toFixed(0)} ms`],
  };
}
