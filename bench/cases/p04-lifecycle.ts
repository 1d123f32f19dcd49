import { type Bench, interleave, type Row, type Take } from '../core/bench.js';
import { createAgent } from '../core/product.js';
import { dockerFixture, runtime } from '../core/docker-fixture.js';
import { timed } from '../core/numbers.js';
import { docker, removeWithVolumes, run } from '../refs/raw-docker.js';

const steps = ['stop', 'rename', 'start', 'delete'] as const;
type Step = (typeof steps)[number];
type Took = Record<Step, Take>;
type After = (step: Step) => Promise<void>;
type Trace = Readonly<Record<string, { readonly count: number; readonly ms: number }>>;

/** What each command on an agent adds to the engine's own time. */
export const lifecycle: Bench = {
  id: 'P4',
  title: 'lifecycle',
  async run(world, scale) {
    const fixture = await dockerFixture(world);
    if (!fixture) return [];
    const { client, product, same } = fixture;
    const { dialect } = client;
    const found: { product: Took[]; reference: Took[] } = { product: [], reference: [] };
    const taken = async (one: Readonly<Record<Step, () => Promise<unknown>>>, after?: After): Promise<Took> => {
      const took = {} as Took;
      for (const step of steps) {
        took[step] = { values: [await timed(one[step])] };
        await after?.(step);
      }
      return took;
    };
    const inside: Record<Step, string> = { stop: '', rename: '', start: '', delete: '' };
    // The round that warms up also tells where the time goes; the others are left alone.
    const look: After = async (step) => {
      inside[step] = spentIn(await product.ask<Trace>('trace', { on: true }));
    };
    await interleave(scale.rounds, {
      reference: async (round) => {
        const name = `life-${Date.now().toString(36)}`;
        const id = await run(same(name));
        const took = await taken({
          stop: () => docker('POST', `/containers/${id}/stop?t=10`),
          rename: () => docker('POST', `/containers/${id}/rename?name=${name}`),
          start: () => docker('POST', `/containers/${id}/start`),
          delete: () => removeWithVolumes(id),
        });
        if (round > 0) found.reference.push(took);
        return took.stop;
      },
      product: async (round) => {
        const name = `life-${Date.now().toString(36)}`;
        await createAgent(client, name, runtime);
        const rename = dialect.rename(name, `${name}-b`);
        const now = rename ? `${name}-b` : name;
        await product.ask('trace', { on: round === 0 });
        const commands = {
          stop: () => client.ok(dialect.stop(name)),
          rename: () => (rename ? client.ok(rename) : Promise.resolve()),
          start: () => client.ok(dialect.start(now)),
          delete: () => client.ok(dialect.remove(now)),
        };
        const took = await taken(commands, round === 0 ? look : undefined);
        if (round > 0) found.product.push(took);
        return took.stop;
      },
    });
    return steps.map((step): Row => ({
      id: 'P4',
      what: `${words[step]}, ${dialect.name}`,
      reference: 'the raw call(s), same container',
      unit: 'ms',
      bars: [{ measure: 'p50', of: 'ratio', sense: 'most', limit: 1.15, allowance: 10 }],
      product: found.product.map((took) => took[step]),
      referenceTakes: found.reference.map((took) => took[step]),
      notes: [inside[step]],
    }));
  },
};

const words: Readonly<Record<Step, string>> = {
  stop: 'stop',
  rename: 'rename a stopped agent',
  start: 'start a stopped agent',
  delete: 'delete a running agent with its volumes',
};

/** Some of it happens at the same time, or after the answer: the sum is more than the step takes. */
function spentIn(trace: Trace): string {
  const parts = Object.entries(trace).filter(([, { ms }]) => ms >= 0.5);
  return `spent in: ${parts.map(([kind, { count, ms }]) => `${kind} ${count} x ${(ms / count).toFixed(1)} ms`).join(', ')}`;
}
