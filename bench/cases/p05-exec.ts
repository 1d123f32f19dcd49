import { type Bench, interleave, type Row, type Take } from '../core/bench.js';
import { createAgent } from '../core/product.js';
import { dockerFixture, execTrue, runtime } from '../core/docker-fixture.js';
import { engineCpuMs } from '../core/host.js';
import { inParallel, range, timed } from '../core/numbers.js';
import { remove, run } from '../refs/raw-docker.js';

const name = 'exec';

/** Running `true` in a workspace, over the resident channel. */
export const execs: Bench = {
  id: 'P5',
  title: 'exec',
  async run(world, scale) {
    const fixture = await dockerFixture(world);
    if (!fixture) return [];
    const { client, product, same } = fixture;
    await createAgent(client, name, runtime);
    const id = await run(same(`exec-${Date.now().toString(36)}`));
    try {
      const rows: Row[] = [];
      for (const [count, atOnce] of [
        [scale.pick(10, 100), 1],
        [50, 50],
      ] as const) {
        const ours = async (): Promise<Take> => {
          const before = { engine: engineCpuMs(), product: await product.usage() };
          const values = await product.ask<number[]>('exec', { name, argv: ['true'], count, atOnce });
          const cpuMs = (await product.usage()).cpuMs - before.product.cpuMs;
          return { values, cpuMs, engineCpuMs: engineCpuMs() - before.engine };
        };
        const raw = async (): Promise<Take> => {
          const before = engineCpuMs();
          const values = await inParallel(range(count), atOnce, () => timed(() => execTrue(id)));
          return { values, engineCpuMs: engineCpuMs() - before };
        };
        const takes = await interleave(scale.rounds, { reference: raw, product: ours });
        rows.push({
          id: 'P5',
          what: atOnce === 1 ? 'exec of true, one after another' : `exec of true, ${atOnce} at once`,
          reference: 'raw exec create + start + inspect',
          unit: 'ms',
          bars: [
            { measure: atOnce === 1 ? 'p50' : 'p95', of: 'ratio', sense: 'most', limit: atOnce === 1 ? 0.25 : 0.5 },
          ],
          product: takes.product,
          referenceTakes: takes.reference,
          notes: ['measured inside the product, at the channel: no route runs commands yet'],
        });
      }
      return rows;
    } finally {
      await client.ok(client.dialect.remove(name));
      await remove(id);
    }
  },
};
