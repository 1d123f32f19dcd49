import { docker, exec, parsed, remove } from '../refs/raw-docker.js';
import { inParallel } from './numbers.js';
import { createAgent, type Manager, type Product } from './product.js';
import type { World } from './world.js';

const kind = { engine: 'docker', database: 'embedded' } as const;
export const runtime = 'probe';

/** A product on the real engine, and what a raw client has to say to get the very same container. */
export interface DockerFixture {
  readonly client: Manager;
  readonly product: Product;
  /** `Image` and `Cmd` as the product uses them, without limits, volumes or hardening. */
  readonly plain: object;
  /** Everything the product asks for: limits, hardening, network, volumes. A new name makes new volumes. */
  same(name: string): object;
}

/** null where no engine answers. The product and all that it makes go with the run. */
export async function dockerFixture(world: World): Promise<DockerFixture | null> {
  const answers = await docker('GET', '/_ping').catch(() => null);
  if (answers === null) return null;
  const client = await world.client(kind);
  const { product } = client;
  const installId = await product.ask<string>('installId');
  world.atEnd(() => removeAll(`flotilla.install=${installId}`));
  const model = await modelOf(client, installId);
  const volume = (mount: object, name: string): object => ({
    ...mount,
    Source: `${name}${String(Reflect.get(mount, 'Target')).replaceAll('/', '-')}`,
  });
  return {
    client,
    product,
    plain: { Image: model.Image, Cmd: model.Cmd, Labels: { 'flotilla.install': installId } },
    same: (name) => ({
      Image: model.Image,
      Cmd: model.Cmd,
      User: model.User,
      Env: model.Env,
      Labels: { 'flotilla.install': installId },
      HostConfig: {
        ...model.HostConfig,
        Mounts: model.mounts.map((mount) => ({
          ...volume(mount, `bench-${name}`),
          VolumeOptions: { Labels: { 'flotilla.install': installId } },
        })),
      },
    }),
  };
}

interface Model {
  readonly Image: string;
  readonly Cmd: unknown;
  readonly User: unknown;
  readonly Env: unknown;
  readonly HostConfig: object;
  readonly mounts: readonly object[];
}

/** Looks at an agent of the product, so that the reference gets the same container without a second description of it. */
async function modelOf(client: Manager, installId: string): Promise<Model> {
  await createAgent(client, 'model', runtime);
  const filters = encodeURIComponent(JSON.stringify({ label: [`flotilla.install=${installId}`] }));
  const [first] = JSON.parse((await docker('GET', `/containers/json?filters=${filters}`)).text) as { Id: string }[];
  const info = parsed(await docker('GET', `/containers/${first?.Id ?? ''}/json`));
  await client.ok(client.dialect.remove('model'));
  const config = info['Config'] as Omit<Model, 'HostConfig' | 'mounts'>;
  const all = info['HostConfig'] as Record<string, unknown>;
  const kept = [
    'CapAdd',
    'CapDrop',
    'Init',
    'IpcMode',
    'LogConfig',
    'Memory',
    'MemorySwap',
    'NanoCpus',
    'NetworkMode',
    'PidsLimit',
    'RestartPolicy',
    'SecurityOpt',
    'Tmpfs',
  ];
  const HostConfig = Object.fromEntries(kept.map((name) => [name, all[name]]));
  return { ...config, HostConfig, mounts: all['Mounts'] as object[] };
}

/** Removes what carries a label: containers with their volumes, volumes, networks. */
export async function removeAll(label: string): Promise<void> {
  const filters = encodeURIComponent(JSON.stringify({ label: [label] }));
  const list = async (path: string): Promise<Record<string, unknown>> => ({
    all: JSON.parse((await docker('GET', path)).text),
  });
  const containers = (await list(`/containers/json?all=true&filters=${filters}`))['all'] as { Id: string }[];
  await inParallel(containers, 4, ({ Id }) => remove(Id));
  const { Volumes } = parsed(await docker('GET', `/volumes?filters=${filters}`)) as {
    Volumes: { Name: string }[] | null;
  };
  await inParallel(Volumes ?? [], 4, ({ Name }) => docker('DELETE', `/volumes/${Name}?force=true`));
  const networks = (await list(`/networks?filters=${filters}`))['all'] as { Id: string }[];
  await inParallel(networks, 1, ({ Id }) => docker('DELETE', `/networks/${Id}`));
}

/** Fails unless a command ends well in a container. */
export async function execTrue(id: string): Promise<void> {
  const code = await exec(id, ['true']);
  if (code !== 0) throw new Error(`true ended with ${code}`);
}
