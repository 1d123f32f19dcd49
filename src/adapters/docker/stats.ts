import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { setImmediate as breath } from 'node:timers/promises';
import { json } from 'node:stream/consumers';
import type { StatsSample } from '../../core/instances/engine.port.js';
import type { Connection } from './connection.js';
import { isFault } from './errors.js';

type Counters = Omit<StatsSample, 'instanceId'>;

const root = '/sys/fs/cgroup';
/** The engine answers one-shot statistics at a tick of its own clock, so many at once cost no more time than one. */
const callsAtOnce = 16;

/**
 * Reads counters of many containers. With a local engine the kernel's files are read, which costs a hundredth of asking the
 * engine; where they are not to be found (remote, rootless, a virtual machine) the engine is asked.
 */
export async function sampleContainers(
  engine: Connection,
  refs: readonly string[],
): Promise<ReadonlyMap<string, Counters>> {
  const found = new Map<string, Counters>();
  const layout = engine.local ? findLayout(refs) : null;
  if (layout) {
    for (const ref of refs) {
      const counters = fromKernel(layout, ref);
      if (counters) found.set(ref, counters);
      // A few microseconds each, but nobody else should wait for all of them.
      await breath();
    }
    return found;
  }
  const queue = [...refs];
  const worker = async (): Promise<void> => {
    for (let ref = queue.pop(); ref !== undefined; ref = queue.pop()) {
      const counters = await fromEngine(engine, ref);
      if (counters) found.set(ref, counters);
    }
  };
  await Promise.all(Array.from({ length: Math.min(callsAtOnce, refs.length) }, worker));
  return found;
}

interface Layout {
  readonly version: 1 | 2;
  /** Folder of one container for a controller of version 1, or the only one of version 2. */
  readonly folder: (ref: string, controller: string) => string;
}

const layouts: readonly Layout[] = [
  { version: 1, folder: (ref, controller) => `${root}/${controller}/docker/${ref}` },
  { version: 1, folder: (ref, controller) => `${root}/${controller}/system.slice/docker-${ref}.scope` },
  { version: 2, folder: (ref) => `${root}/system.slice/docker-${ref}.scope` },
  { version: 2, folder: (ref) => `${root}/docker/${ref}` },
];

/** Which layout this machine has: the first in which any of the containers is found. */
function findLayout(refs: readonly string[]): Layout | null {
  for (const ref of refs.slice(0, 5)) {
    for (const layout of layouts) {
      const file = layout.version === 1 ? 'cpuacct.usage' : 'cpu.stat';
      if (read(`${layout.folder(ref, 'cpuacct')}/${file}`) !== null) return layout;
    }
  }
  return null;
}

function fromKernel(layout: Layout, ref: string): Counters | null {
  const v1 = layout.version === 1;
  const memory = layout.folder(ref, 'memory');
  const cpu = read(`${layout.folder(ref, 'cpuacct')}/${v1 ? 'cpuacct.usage' : 'cpu.stat'}`);
  const used = read(`${memory}/${v1 ? 'memory.usage_in_bytes' : 'memory.current'}`);
  if (cpu === null || used === null) return null;
  const limit = read(`${memory}/${v1 ? 'memory.limit_in_bytes' : 'memory.max'}`);
  const details = read(`${memory}/memory.stat`);
  const pids = read(`${memory}/cgroup.procs`);
  const cache = field(details ?? '', v1 ? 'total_inactive_file' : 'inactive_file');
  const pid = pids?.split('\n', 1)[0];
  return {
    at: new Date().toISOString(),
    cpuNanos: v1 ? BigInt(cpu.trim()) : BigInt(field(cpu, 'usage_usec')) * 1_000n,
    memoryBytes: Math.max(0, Number(used) - cache),
    // Without a limit version 1 has a huge number and version 2 a word.
    memoryLimitBytes: Math.min(Number(limit) || totalmem(), totalmem()),
    ...traffic(pid ? read(`/proc/${pid}/net/dev`) : null),
    onlineCpus: cpus().length,
  };
}

/** Sums all interfaces but loopback. */
function traffic(table: string | null): { rxBytes: number; txBytes: number } {
  const sum = { rxBytes: 0, txBytes: 0 };
  for (const line of table?.split('\n').slice(2) ?? []) {
    const [name, counters] = line.split(':');
    if (counters === undefined || name?.trim() === 'lo') continue;
    const numbers = counters.trim().split(/\s+/).map(Number);
    sum.rxBytes += numbers[0] ?? 0;
    sum.txBytes += numbers[8] ?? 0;
  }
  return sum;
}

function field(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1] ?? 0);
}

/** These files are made by the kernel on the spot: reading one takes less than handing it to a thread. */
function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** The part of the engine's statistics we use; a container that is not running lacks most of it. */
interface EngineStats {
  readonly read: string;
  readonly cpu_stats: { readonly cpu_usage: { readonly total_usage: number }; readonly online_cpus?: number };
  readonly memory_stats: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: { readonly total_inactive_file?: number; readonly inactive_file?: number };
  };
  readonly networks?: Readonly<Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>>;
}

async function fromEngine(engine: Connection, ref: string): Promise<Counters | null> {
  try {
    const query = { stream: 'false', 'one-shot': 'true' };
    const answer = await engine.stream('reading statistics', `/containers/${encodeURIComponent(ref)}/stats`, query);
    const stats = (await json(answer)) as EngineStats;
    const { usage, limit, stats: details } = stats.memory_stats;
    if (usage === undefined) return null;
    const networks = Object.values(stats.networks ?? {});
    return {
      at: new Date(stats.read).toISOString(),
      cpuNanos: BigInt(stats.cpu_stats.cpu_usage.total_usage),
      memoryBytes: Math.max(0, usage - (details?.total_inactive_file ?? details?.inactive_file ?? 0)),
      memoryLimitBytes: limit ?? 0,
      rxBytes: networks.reduce((sum, one) => sum + one.rx_bytes, 0),
      txBytes: networks.reduce((sum, one) => sum + one.tx_bytes, 0),
      onlineCpus: stats.cpu_stats.online_cpus ?? 1,
    };
  } catch (error) {
    if (isFault(error, 'not_found', 'conflict')) return null;
    throw error;
  }
}
