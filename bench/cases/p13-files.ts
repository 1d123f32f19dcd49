import { randomBytes } from 'node:crypto';
import { type Bar, type Bench, expectRight, interleave, type Row, type Side, type Take } from '../core/bench.js';
import { type DockerFixture, dockerFixture, runtime } from '../core/docker-fixture.js';
import { engineCpuMs } from '../core/host.js';
import { inParallel, range, sleep, timed } from '../core/numbers.js';
import { Client, createAgent, type Product } from '../core/product.js';
import type { Call } from '../dialects/dialect.js';
import { getArchive, putFile, putMany } from '../refs/raw-archive.js';
import { docker, remove, run } from '../refs/raw-docker.js';

const name = 'files';
const home = '/home/developer';
const large = 50 * 2 ** 20;
const many = 9900; // with their 100 folders as many entries as a tree may have
const close: Bar = { measure: 'p50', of: 'ratio', sense: 'most', limit: 1.5 };
const flat: Bar = { measure: 'max', of: 'product', sense: 'most', limit: 16 };

/** Files in and out of a container, against the engine's archive calls on one that is the same. */
export const files: Bench = {
  id: 'P13',
  title: 'files',
  async run(world, scale) {
    const fixture = await dockerFixture(world);
    if (!fixture) return [];
    const { client, same } = fixture;
    await createAgent(client, name, runtime);
    const raw = await run(same(`files-${Date.now().toString(36)}`));
    try {
      const small = scale.pick(100, 1000);
      const rows: Row[] = [];
      for (const dialect of world.dialects) {
        const uploads = new Uploads(fixture, await Client.of(fixture.product, dialect), raw);
        rows.push(
          ...(await uploads.large(Math.min(scale.rounds, 5))),
          await uploads.small(dialect === client.dialect ? small : 50, 1),
        );
      }
      return [...rows, await download(fixture, raw, Math.min(scale.rounds, 5)), await tree(fixture, raw, 3)];
    } finally {
      await client.ok(client.dialect.remove(name));
      await remove(raw);
    }
  },
};

class Uploads {
  constructor(
    private readonly fixture: DockerFixture,
    private readonly client: Client,
    private readonly raw: string,
  ) {}

  /** One file of 50 MB, and what it does to memory meanwhile. */
  async large(rounds: number): Promise<Row[]> {
    const { product } = this.fixture;
    const bytes = randomBytes(large);
    const upload = this.client.dialect.upload(await this.client.agent(name), 'large.bin', bytes);
    const grown: Take[] = [];
    const takes = await interleave(rounds, {
      reference: () => counted(null, () => putFile(this.raw, home, 'large.bin', bytes)),
      product: async (round) => {
        const { take, grownMB } = await watched(product, () => this.put(upload, large));
        if (round > 0) grown.push({ values: [grownMB] });
        return take;
      },
    });
    return [
      this.row('upload of 50 MB', takes, [close]),
      {
        ...this.row('memory while 50 MB are uploaded', { product: grown, reference: [] }, [flat]),
        reference: null,
        unit: 'MB',
        notes: ['most that was resident, above what was before; looked at every 10 ms'],
      },
    ];
  }

  /** Many small files, a request each on either side, four at once. */
  async small(count: number, rounds: number): Promise<Row> {
    const { product } = this.fixture;
    const bytes = randomBytes(1024);
    const agent = await this.client.agent(name);
    const calls = range(count).map((index) => this.client.dialect.upload(agent, `small-${index}.txt`, bytes));
    const takes = await interleave(rounds, {
      reference: () => each(null, range(count), 4, (index) => putFile(this.raw, home, `small-${index}.txt`, bytes)),
      product: () => each(product, calls, 4, (call) => this.put(call, bytes.length)),
    });
    return this.row(`upload of ${count} files of 1 KB, 4 at once, each`, takes, [close]);
  }

  private async put(call: Call, bytes: number): Promise<void> {
    const body: unknown = await this.client.ok(call);
    expectRight(this.client.dialect.isUploaded(body, bytes), `an upload answered ${JSON.stringify(body)}`);
  }

  private row(what: string, takes: Sides, bars: readonly Bar[]): Row {
    return rowOf(`${what}, ${this.client.dialect.name}`, takes, bars);
  }
}

async function download({ client, product }: DockerFixture, raw: string, rounds: number): Promise<Row> {
  const get = client.dialect.download(name, 'large.bin');
  const takes = await interleave(rounds, {
    reference: () =>
      counted(null, async () => expectRight((await getArchive(raw, `${home}/large.bin`)) > large, 'raw')),
    product: () =>
      counted(product, async () => {
        const { status, bytes } = await product.bytes(get, client.dialect.headers(client.token));
        expectRight(status === 200 && bytes === large, `a download answered ${status} with ${bytes} bytes`);
      }),
  });
  return rowOf(`download of 50 MB, ${client.dialect.name}`, takes, [close]);
}

async function tree({ client, product }: DockerFixture, raw: string, rounds: number): Promise<Row> {
  const names = range(many).map((index) => `tree/${index % 100}/file-${index}.txt`);
  const filters = encodeURIComponent(
    JSON.stringify({ label: [`flotilla.install=${await product.ask<string>('installId')}`] }),
  );
  const found = JSON.parse((await docker('GET', `/containers/json?filters=${filters}`)).text) as { Id: string }[];
  for (const { Id } of found) await putMany(Id, home, names);
  const list = client.dialect.tree(name, 'tree');
  const takes = await interleave(rounds, {
    reference: () =>
      counted(null, async () => expectRight((await getArchive(raw, `${home}/tree`)) > many * 512, 'raw')),
    product: () =>
      counted(product, async () => {
        const shown = client.dialect.filesIn(await client.ok(list));
        expectRight(shown === many, `a tree of ${shown} files`);
      }),
  });
  return rowOf(`tree of ${many} files in 100 folders, ${client.dialect.name}`, takes, [close]);
}

type Sides = Readonly<Record<'product' | 'reference', Take[]>>;

const rowOf = (what: string, takes: Sides, bars: readonly Bar[]): Row => ({
  id: 'P13',
  what,
  reference: "the engine's archive call",
  unit: 'ms',
  bars,
  product: takes.product,
  referenceTakes: takes.reference,
  notes: [],
});

const counted = (product: Product | null, work: () => Promise<unknown>): Promise<Take> => each(product, [0], 1, work);

async function each<T>(
  product: Product | null,
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): ReturnType<Side> {
  const cpu = async (): Promise<number> => (product === null ? 0 : (await product.usage()).cpuMs);
  const before = { cpu: await cpu(), engine: engineCpuMs() };
  const values = await inParallel(items, atOnce, (item) => timed(() => work(item)));
  return {
    values,
    engineCpuMs: engineCpuMs() - before.engine,
    ...(product === null ? {} : { cpuMs: (await cpu()) - before.cpu }),
  };
}

/** Does it, and looks at memory meanwhile. */
async function watched(product: Product, work: () => Promise<unknown>): Promise<{ take: Take; grownMB: number }> {
  const before = (await product.memory()).rssMB;
  let over = false;
  let most = before;
  const looking = (async (): Promise<void> => {
    while (!over) {
      most = Math.max(most, (await product.usage()).rssMB);
      await sleep(10);
    }
  })();
  const take = await counted(product, work);
  over = true;
  await looking;
  return { take, grownMB: most - before };
}
