import { type Bench, expectRight, interleave, type Row, type Take } from '../core/bench.js';
import { Client, createAgent, type Manager } from '../core/product.js';
import { dockerFixture, runtime } from '../core/docker-fixture.js';
import { timed } from '../core/numbers.js';
import type { World } from '../core/world.js';
import { docker, removeWithVolumes, run } from '../refs/raw-docker.js';

const steps = ['stop', 'rename', 'start', 'limit', 'restart', 'delete'] as const;
type Step = (typeof steps)[number];
type Took = Partial<Record<Step, Take>>;
/** null: no API has it. */
type Commands = Readonly<Record<Step, (() => Promise<unknown>) | null>>;
type After = (step: Step) => Promise<void>;
type Trace = Readonly<Record<string, { readonly count: number; readonly ms: number }>>;

/** As `limit` of the dialects asks for it. */
const limits = { Memory: 2 ** 30, MemorySwap: 2 ** 30, NanoCpus: 2e9 };

/** What each command on an agent adds to the engine's own time. */
export const lifecycle: Bench = {
  id: 'P4',
  title: 'lifecycle',
  async run(world, scale) {
    const fixture = await dockerFixture(world);
    if (!fixture) return [];
    const { client, product, same } = fixture;
    const restarts = await restarting(world, client);
    const apis: Partial<Record<Step, string>> = { restart: restarts?.dialect.name ?? '' };
    const found: { product: Took[]; reference: Took[] } = { product: [], reference: [] };
    const taken = async (commands: Commands, after: After): Promise<Took> => {
      const took: Took = {};
      for (const step of steps) {
        const command = commands[step];
        if (command === null) continue;
        took[step] = { values: [await timed(command)] };
        await after(step);
      }
      return took;
    };
    const inside: Partial<Record<Step, string>> = {};
    await interleave(scale.rounds, {
      reference: async (round) => {
        const name = `life-${Date.now().toString(36)}`;
        const id = await run(same(name));
        const raw = {
          stop: () => docker('POST', `/containers/${id}/stop?t=10`),
          rename: () => docker('POST', `/containers/${id}/rename?name=${name}`),
          start: () => docker('POST', `/containers/${id}/start`),
          limit: () => docker('POST', `/containers/${id}/update`, limits),
          restart: () => docker('POST', `/containers/${id}/restart?t=10`),
          delete: () => removeWithVolumes(id),
        };
        const took = await taken(raw, () => Promise.resolve());
        if (round > 0) found.reference.push(took);
        return { values: [] };
      },
      product: async (round) => {
        const name = `life-${Date.now().toString(36)}`;
        await createAgent(client, name, runtime);
        const agent = (await restarts?.agent(name)) ?? '';
        const commands = commandsOf(client, name, restarts, agent);
        await product.ask('trace', { on: round === 0 });
        const took = await taken(commands, async (step) => {
          // The round that warms up also tells where the time goes; the others are left alone.
          if (round === 0) inside[step] = spentIn(await product.ask<Trace>('trace', { on: true }));
          await expectDone(client, step, name);
          if (round === 0) await product.ask('trace', { on: true });
        });
        if (round > 0) found.product.push(took);
        return { values: [] };
      },
    });
    const takes = (all: readonly Took[], step: Step): Take[] => all.flatMap((took) => took[step] ?? []);
    return steps
      .filter((step) => takes(found.product, step).length > 0)
      .map((step): Row => ({
        id: 'P4',
        what: `${words[step]}, ${apis[step] ?? client.dialect.name}`,
        reference: 'the raw call(s), same container',
        unit: 'ms',
        bars: [{ measure: 'p50', of: 'ratio', sense: 'most', limit: 1.15, allowance: 10 }],
        product: takes(found.product, step),
        referenceTakes: takes(found.reference, step),
        notes: [inside[step] ?? ''],
      }));
  },
};

/** The first API that restarts agents, signed in to; null where none does. */
async function restarting(world: World, client: Manager): Promise<Client | null> {
  const dialect = world.dialects.find(({ restart }) => restart !== undefined);
  return dialect ? Client.of(client.product, dialect) : null;
}

const renamed = (name: string): string => `${name}-b`;

/** What is done to an agent, in this order; an answer that is not right ends the run. */
function commandsOf(client: Manager, name: string, restarts: Client | null, agent: string): Commands {
  const { dialect } = client;
  const rename = dialect.rename(name, renamed(name));
  const now = rename ? renamed(name) : name;
  const again = restarts?.dialect.restart;
  return {
    stop: () => client.ok(dialect.stop(name)),
    rename: rename && (() => client.ok(rename)),
    start: () => client.ok(dialect.start(now)),
    limit: async () => {
      const body: unknown = await client.ok(dialect.limit(now));
      expectRight(dialect.isLimited(body), `new limits: ${JSON.stringify(body)}`);
    },
    restart:
      restarts && again
        ? async () => {
            const body: unknown = await restarts.ok(again.call(agent));
            expectRight(again.isDone(body), `a restart: ${JSON.stringify(body)}`);
          }
        : null,
    delete: () => client.ok(dialect.remove(now)),
  };
}

/** A reader sees what the command was answered to have done. */
async function expectDone({ product, dialect, token }: Manager, step: Step, name: string): Promise<void> {
  const now = dialect.rename(name, renamed(name)) && step !== 'stop' ? renamed(name) : name;
  const { status, body } = await product.call(dialect.read(now), dialect.headers(token));
  const right =
    step === 'delete'
      ? status === 404
      : step === 'stop' || step === 'rename'
        ? dialect.isStopped(body, now)
        : dialect.isRunning(body, now);
  expectRight(right, `after ${step} a reader is told ${status} ${JSON.stringify(body)}`);
}

const words: Readonly<Record<Step, string>> = {
  stop: 'stop',
  rename: 'rename a stopped agent',
  start: 'start a stopped agent',
  limit: 'new limits for a running agent',
  restart: 'restart a running agent',
  delete: 'delete a running agent with its volumes',
};

/** Some of it happens at the same time, or after the answer: the sum is more than the step takes. */
function spentIn(trace: Trace): string {
  const parts = Object.entries(trace).filter(([, { ms }]) => ms >= 0.5);
  return `spent in: ${parts.map(([kind, { count, ms }]) => `${kind} ${count} x ${(ms / count).toFixed(1)} ms`).join(', ')}`;
}
