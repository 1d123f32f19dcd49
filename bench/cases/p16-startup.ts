import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, expectRight, interleave, type Row, type Take } from '../core/bench.js';
import { forgetDataDir } from '../core/local-agents.js';
import { removeAgents, runningAgents } from '../core/local-fleet.js';
import { until } from '../core/numbers.js';
import { managing } from '../dialects/index.js';
import { Client, freePort, type Product } from '../core/product.js';
import { seedStopped } from '../core/seed.js';
import type { Kind } from '../core/world.js';

const agents = 1000;

/** From the start of the process to ready: empty, and with a thousand agents to look after. */
export const startUp: Bench = {
  id: 'P16',
  title: 'start-up',
  async run(world, scale) {
    const rows: Row[] = [];
    for (const database of world.databases) {
      const databaseUrl = database === 'postgres' ? await world.databaseUrl() : null;
      const dataDir = mkdtempSync(join(tmpdir(), 'flotilla-bench-'));
      const boot = (): Promise<Product> => world.start({ engine: 'local', databaseUrl, dataDir });
      const once_ = async (look: (product: Product) => Promise<void> = () => Promise.resolve()): Promise<Take> => {
        const product = await boot();
        try {
          await look(product);
          return { values: [product.startedInMs], cpuMs: (await product.usage()).cpuMs };
        } finally {
          await product.end();
        }
      };
      try {
        await once_();
        const empty = await interleave(scale.rounds, { reference: bareNest, product: () => once_() });
        rows.push({
          ...row(`ready, empty, ${database}`, empty.product),
          reference: 'bare Nest boot',
          referenceTakes: empty.reference,
          bars: [{ measure: 'p50', of: 'ratio', sense: 'most', limit: 3 }],
          notes: [`node -e 0 takes ${(await bareNode()).toFixed(0)} ms`],
        });
        rows.push(...(await withAgents(database, boot, once_, scale.pick(10, 60), scale.pick(2, 5))));
      } finally {
        forgetDataDir(dataDir);
      }
    }
    return rows;
  },
};

const row = (what: string, product: Take[]): Row => ({
  id: 'P16',
  what,
  reference: null,
  unit: 'ms',
  bars: [],
  product,
  referenceTakes: [],
  notes: [],
});

async function withAgents(
  database: Kind['database'],
  boot: () => Promise<Product>,
  once_: (look: (product: Product) => Promise<void>) => Promise<Take>,
  real: number,
  rounds: number,
): Promise<Row[]> {
  const first = await boot();
  const dialect = managing;
  const client = await Client.of(first, dialect);
  await seedStopped(first, agents - real);
  const names = await runningAgents(client, 'boot', real);
  await first.end();
  const takes: Take[] = [];
  const lists: Take[] = [];
  const inspects: Take[] = [];
  for (let round = 0; round < rounds; round += 1) {
    takes.push(
      await once_(async (product) => {
        const again = await Client.of(product, dialect);
        const shown = dialect.names(await again.ok(dialect.list()));
        expectRight(shown.length === agents, `${shown.length} agents after the start`);
        const calls = await product.ask<Record<string, number>>('engineCalls');
        lists.push({ values: [calls['list'] ?? 0] });
        inspects.push({ values: [calls['inspect'] ?? 0] });
      }),
    );
  }
  const last = await boot();
  await removeAgents(await Client.of(last, dialect), names);
  await last.end();
  const most = (limit: number) => ({ measure: 'p50', of: 'product', sense: 'most', limit }) as const;
  return [
    { ...row(`ready, ${agents} agents (${real} run), ${database}`, takes), bars: [most(5000)] },
    {
      ...row(`engine list calls of that start, ${database}`, lists),
      unit: 'calls',
      bars: [most(2)],
    },
    // What did not change while the server was away is not asked for one by one.
    { ...row(`engine inspect calls of that start, ${database}`, inspects), unit: 'calls', bars: [most(0)] },
  ];
}

async function bareNest(): Promise<Take> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(process.execPath, [join(__dirname, '../refs/bare-nest.cjs'), String(port)], { stdio: 'ignore' });
  try {
    await until('Nest answers', () =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        (answer) => answer.ok,
        () => false,
      ),
    );
    return { values: [performance.now() - began] };
  } finally {
    await ended(child);
  }
}

async function bareNode(): Promise<number> {
  const began = performance.now();
  await once(spawn(process.execPath, ['-e', '0']), 'exit');
  return performance.now() - began;
}

async function ended(child: ChildProcess): Promise<void> {
  const over = once(child, 'exit');
  child.kill('SIGKILL');
  await over;
}
