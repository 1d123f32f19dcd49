import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

/** Kernel clock ticks per second, as /proc counts them on every Linux we run on. */
const ticksPerSecond = 100n;

export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  /** Ticks since the machine booted: with the pid it names a process for good. */
  readonly started: string;
  readonly zombie: boolean;
  /** CPU time of the process and of its children that ended. */
  readonly cpuNanos: bigint;
}

/** Reads /proc/<pid>/stat; null when there is no such process. */
export function processInfo(pid: number): ProcessInfo | null {
  const stat = readProc(pid, 'stat');
  if (!stat) return null;
  // The name in parentheses may hold anything, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + BigInt(field), 0n);
  return {
    pid,
    parent: Number(fields[1]),
    started: fields[19] ?? '',
    zombie: fields[0] === 'Z' || fields[0] === 'X',
    cpuNanos: (ticks * 1_000_000_000n) / ticksPerSecond,
  };
}

/** Memory that is the process's own (anonymous and shared memory pages, no page cache), in bytes. */
export function memoryOf(pid: number): number {
  const status = readProc(pid, 'status') ?? '';
  const kilobytes = [...status.matchAll(/^Rss(?:Anon|Shmem):\s+(\d+) kB/gm)].map((match) => Number(match[1]));
  return kilobytes.reduce((sum, value) => sum + value, 0) * 1024;
}

/** Which instance a live process belongs to. `uid` is its real user. */
export interface Membership {
  readonly pid: number;
  readonly uid: number;
  /** Value of FLOTILLA_INSTANCE in its environment; null when absent or unreadable. */
  readonly owner: string | null;
}

/** Every live process of the machine with its owner, in one pass over /proc. */
export function memberships(): Membership[] {
  const found: Membership[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const status = readProc(pid, 'status') ?? '';
    const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
    if (uid === undefined || /^State:\s+[ZX]/m.test(status)) continue;
    const owner = /(?:^|\0)FLOTILLA_INSTANCE=([^\0]*)/.exec(readProc(pid, 'environ') ?? '')?.[1] ?? null;
    found.push({ pid, uid: Number(uid), owner });
  }
  return found;
}

/** The pid still names the process that was recorded, and it has not ended. */
export function isAlive(pid: number, started: string): boolean {
  const info = processInfo(pid);
  return info !== null && info.started === started && !info.zombie;
}

let boot: string | null = null;

/** Names this run of the machine: pids and start times mean nothing after a reboot. */
export function machineBoot(): string {
  return (boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}

/** False when the process is gone or not ours to signal. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

/** Room for one read. These files have no size beforehand, for which `readFileSync` takes 64 KB of new memory each time. */
const room = Buffer.allocUnsafe(64 * 1024);

function readProc(pid: number, file: string): string | null {
  let opened: number | null = null;
  try {
    opened = openSync(`/proc/${pid}/${file}`, 'r');
    let text = '';
    for (let length = -1; length !== 0; text += room.toString('latin1', 0, length)) length = readSync(opened, room);
    return text;
  } catch {
    return null;
  } finally {
    if (opened !== null) closeSync(opened);
  }
}
