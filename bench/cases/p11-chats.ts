import { type Bench, expectRight, interleave, type Row, type Take } from '../core/bench.js';
import { runningAgents } from '../core/local-fleet.js';
import { inParallel, sleep, sum } from '../core/numbers.js';
import { TextStream } from '../core/text-stream.js';
import { DirectRuntime } from '../refs/direct-pipe.js';

const kind = { engine: 'local', database: 'embedded' } as const;
const paceMs = 20;

interface Heard {
  readonly at: number;
  readonly text: string;
}

/** Many chats at once, each streaming 50 pieces of text a second; what the way through the product adds to each piece. */
export const chats: Bench = {
  id: 'P11',
  title: 'streaming chats',
  async run(world, scale) {
    const chatting = scale.pick(20, 50);
    const pieces = scale.pick(50, 250);
    const client = await world.client(kind, 'fleet');
    const { product, dialect } = client;
    const names = await runningAgents(client, 'run', chatting);
    const direct = names.map(() => new DirectRuntime());
    const headers = dialect.headers(client.token);
    const streams = names.map((name) => new TextStream(`${product.url}${dialect.answers(name)}`, headers));
    try {
      await inParallel(direct, 4, (runtime) => runtime.open());
      const prompt = `<<stamp ${pieces} ${paceMs}>>`;
      const chat = async (name: string): Promise<void> => {
        const body: unknown = await client.ok(dialect.chat(name, prompt));
        expectRight(dialect.isChat(body), `chat answered ${JSON.stringify(body)}`);
      };
      await inParallel(names, 4, (name) => client.ok(dialect.chat(name, '<<say hello>>')));
      await Promise.all(streams.map((stream) => stream.open()));
      const delays: Take[] = [];
      const lost: string[] = [];
      const latencies = (heard: readonly Heard[]): number[] => {
        const found = heard.filter(({ text }) => /^\d+ ?$/.test(text)).map(({ at, text }) => at - Number(text) / 1e6);
        if (found.length !== chatting * pieces) lost.push(`${found.length} of ${chatting * pieces}`);
        return found;
      };
      const takes = await interleave(Math.min(scale.rounds, scale.pick(3, 5)), {
        reference: async () => {
          for (const runtime of direct) runtime.heard.length = 0;
          await Promise.all(direct.map((runtime) => runtime.prompt(prompt)));
          return { values: latencies(direct.flatMap(({ heard }) => heard)) };
        },
        product: async (round) => {
          for (const stream of streams) stream.taken();
          const before = await product.usage();
          await product.ask('delayFrom');
          await Promise.all(names.map(chat));
          const delay = await product.ask<{ p99: number }>('delayTo');
          if (round > 0) delays.push({ values: [delay.p99] });
          const cpuMs = (await product.usage()).cpuMs - before.cpuMs;
          // The answer of a chat and the last pieces of its stream come on different connections.
          await eventually(() => sum(streams.map(({ count }) => count)) === chatting * pieces);
          return { values: latencies(streams.flatMap((stream) => stream.taken())), cpuMs };
        },
      });
      expectRight(lost.length === 0, `pieces were lost: ${lost.join()}`);
      const what = `${chatting} chats x ${1000 / paceMs} pieces/s`;
      const common = { id: 'P11', unit: 'ms' } as const;
      return [
        {
          ...common,
          what: `${what}, added to each piece, ${dialect.name}`,
          reference: 'a client on the pipes of the same runtime',
          bars: [
            { measure: 'p50', of: 'added', sense: 'most', limit: 3 },
            { measure: 'p95', of: 'added', sense: 'most', limit: 20 },
          ],
          product: takes.product,
          referenceTakes: takes.reference,
          notes: ['0 lost; local engine; heard by a client of the event stream, one for each chat'],
        },
        {
          ...common,
          what: `${what}, event loop delay`,
          reference: null,
          bars: [{ measure: 'p50', of: 'product', sense: 'most', limit: 50 }],
          product: delays,
          referenceTakes: [],
          notes: ['99th percentile of each round'],
        },
      ] satisfies Row[];
    } finally {
      for (const stream of streams) stream.close();
      for (const runtime of direct) runtime.end();
    }
  },
};

/** Waits for what is on its way, for 10 s at most; what is missing then is lost. */
async function eventually(there: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!there() && Date.now() < deadline) await sleep(5);
}
