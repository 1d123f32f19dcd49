import { type Bar, type Bench, interleave, type Row, type Side } from '../core/bench.js';
import { createAgent } from '../core/product.js';
import { dockerFixture, execTrue, runtime } from '../core/docker-fixture.js';
import { engineCpuMs } from '../core/host.js';
import { removeWithVolumes, run } from '../refs/raw-docker.js';

const notYet = 'there is no pool of prepared instances yet';
const warm: readonly Bar[] = [
  { measure: 'p50', of: 'ratio', sense: 'most', limit: 0.1, notYet },
  { measure: 'p95', of: 'ratio', sense: 'most', limit: 0.25, notYet },
];

/** Time to interactive: from the create request to the first command's exit code. P1 with a pool (none yet), P2 without. */
export const timeToInteractive: Bench = {
  id: 'P1',
  title: 'warm and cold time to interactive (P1, P2)',
  async run(world, scale) {
    const fixture = await dockerFixture(world);
    if (!fixture) return [];
    const { client, product, plain, same } = fixture;
    const times = scale.pick(1, 4);
    let made = 0;

    const ours: Side = async () => {
      const values = [];
      let cpuMs = 0;
      let engine = 0;
      for (let turn = 0; turn < times; turn += 1) {
        const name = `tti-${++made}`;
        const before = { engine: engineCpuMs(), product: await product.usage() };
        const began = performance.now();
        await createAgent(client, name, runtime);
        await product.ask('exec', { name, argv: ['true'], count: 1, atOnce: 1 });
        values.push(performance.now() - began);
        cpuMs += (await product.usage()).cpuMs - before.product.cpuMs;
        engine += engineCpuMs() - before.engine;
        await client.ok(client.dialect.remove(name));
      }
      return { values, cpuMs, engineCpuMs: engine };
    };
    const raw =
      (options: (name: string) => object): Side =>
      async () => {
        const values = [];
        let engine = 0;
        for (let turn = 0; turn < times; turn += 1) {
          const mark = engineCpuMs();
          const began = performance.now();
          const id = await run(options(`tti-${++made}`));
          await execTrue(id);
          values.push(performance.now() - began);
          engine += engineCpuMs() - mark;
          await removeWithVolumes(id);
        }
        return { values, engineCpuMs: engine };
      };
    const takes = await interleave(scale.rounds, { plain: raw(() => plain), same: raw(same), product: ours });
    const row = (
      id: string,
      what: string,
      reference: string,
      bars: readonly Bar[],
      takesOfReference: Row['product'],
    ): Row => ({
      id,
      what,
      reference,
      unit: 'ms',
      bars,
      product: takes.product,
      referenceTakes: takesOfReference,
      notes: ['the first command goes over the resident channel: no route runs commands yet'],
    });
    return [
      row(
        'P1',
        'create to first exit code, as it is (no pool)',
        'raw create + start + exec, plain container',
        warm,
        takes.plain,
      ),
      row(
        'P2',
        'create to first exit code, cold',
        'raw create + start + exec, same host config',
        [{ measure: 'p50', of: 'ratio', sense: 'most', limit: 1.25 }],
        takes.same,
      ),
    ];
  },
};
