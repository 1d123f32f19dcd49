import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { EngineError } from '../../core/instances/engine.errors.js';
import type { Connection } from './connection.js';
import { isFault } from './errors.js';
import { label, networkName } from './labels.js';

interface Range {
  readonly first: number;
  readonly last: number;
}

/** 1,022 addresses: the kernel allows 1,024 ports on a bridge. */
const prefix = 22;
const size = 2 ** (32 - prefix);
const attempts = 20;

/**
 * Makes the installation's one network if it is missing and answers with its gateway, the address by which containers reach
 * this host. Containers on it cannot reach each other. The subnet is ours to choose, because the engine's own pool ends soon.
 */
export async function ensureNetwork(engine: Connection, installId: string): Promise<string> {
  const name = networkName(installId);
  const existing = await gatewayOf(engine, name);
  if (existing !== null) return existing;

  const taken = await rangesInUse(engine);
  let refusal: unknown = null;
  for (const subnet of freeSubnets(installId, taken)) {
    try {
      await engine.call(`creating network ${name}`, (abortSignal) =>
        engine.docker.createNetwork({
          Name: name,
          CheckDuplicate: true,
          Driver: 'bridge',
          Labels: { [label.install]: installId },
          Options: { 'com.docker.network.bridge.enable_icc': 'false' },
          IPAM: { Driver: 'default', Config: [{ Subnet: `${toText(subnet)}/${prefix}`, Gateway: toText(subnet + 1) }] },
          abortSignal,
        }),
      );
    } catch (error) {
      // Another process made it at the same time, or the subnet is used by something we do not see: look, then go on.
      if (!isFault(error, 'conflict', 'refused')) throw error;
      refusal = error;
    }
    const made = await gatewayOf(engine, name);
    if (made !== null) return made;
  }
  throw new EngineError('refused', `No free subnet was found for network ${name}`, { cause: refusal });
}

async function gatewayOf(engine: Connection, name: string): Promise<string | null> {
  try {
    const info: unknown = await engine.call(`inspecting network ${name}`, () =>
      engine.docker.getNetwork(name).inspect(),
    );
    const gateway = configsOf(info)[0]?.Gateway;
    if (gateway === undefined) throw new EngineError('refused', `Network ${name} has no gateway`);
    return gateway;
  } catch (error) {
    if (isFault(error, 'not_found')) return null;
    throw error;
  }
}

interface SubnetConfig {
  readonly Subnet?: string;
  readonly Gateway?: string;
}

function configsOf(network: unknown): readonly SubnetConfig[] {
  return (network as { IPAM?: { Config?: readonly SubnetConfig[] | null } }).IPAM?.Config ?? [];
}

async function rangesInUse(engine: Connection): Promise<readonly Range[]> {
  const networks = await engine.call('listing networks', (abortSignal) => engine.docker.listNetworks({ abortSignal }));
  const subnets = networks.flatMap((network) => configsOf(network).flatMap(({ Subnet }) => Subnet ?? []));
  return [...subnets, ...(engine.local ? await localSubnets() : [])].flatMap((subnet) => toRange(subnet) ?? []);
}

/** Addresses and routes of this machine, for example of a VPN. */
async function localSubnets(): Promise<readonly string[]> {
  const own = Object.values(networkInterfaces()).flatMap((list) => list?.flatMap(({ cidr }) => cidr ?? []) ?? []);
  const table = await readFile('/proc/net/route', 'utf8').catch(() => '');
  const routes = table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination, , , , , , mask] = line.trim().split(/\s+/);
      if (!destination || !mask || mask === '00000000') return [];
      const bits = (Number.parseInt(mask, 16) >>> 0).toString(2).replace(/0/g, '').length;
      return `${toText(Buffer.from(destination, 'hex').readUInt32LE())}/${bits}`;
    });
  return [...own, ...routes];
}

/** Candidates in the private ranges, starting at a place of the installation's own so that two seldom meet. */
function* freeSubnets(installId: string, taken: readonly Range[]): Iterable<number> {
  const pools = [toRange('10.0.0.0/8'), toRange('172.16.0.0/12'), toRange('192.168.0.0/16')];
  const seed = createHash('sha256').update(installId).digest().readUInt32BE();
  let given = 0;
  for (const pool of pools) {
    if (!pool) continue;
    const slots = (pool.last - pool.first + 1) / size;
    for (let step = 0; step < slots && given < attempts; step++) {
      const first = pool.first + ((seed + step) % slots) * size;
      if (taken.some((range) => range.first <= first + size - 1 && range.last >= first)) continue;
      given++;
      yield first;
    }
  }
}

/** null for anything that is not an IPv4 subnet. */
function toRange(subnet: string): Range | null {
  const [address, bits] = subnet.split('/');
  const parts = address?.split('.').map(Number) ?? [];
  if (parts.length !== 4 || bits === undefined || parts.some((part) => !(part >= 0 && part <= 255))) return null;
  const count = 2 ** (32 - Number(bits));
  const value = parts.reduce((sum, part) => sum * 256 + part, 0);
  const first = value - (value % count);
  return { first, last: first + count - 1 };
}

function toText(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
