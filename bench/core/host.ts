import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus, hostname, loadavg, release, totalmem } from 'node:os';

export interface HostFacts {
  readonly host: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMB: number;
  readonly kernel: string;
  readonly node: string;
  readonly engine: string;
  readonly postgres: string;
  readonly commit: string;
  readonly loadBefore: readonly number[];
}

export function hostFacts(programs: string | null): HostFacts {
  return {
    host: hostname(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryMB: Math.round(totalmem() / 2 ** 20),
    kernel: release(),
    node: process.version,
    engine: said('docker', ['version', '--format', '{{.Server.Version}}']),
    postgres: programs === null ? 'none' : said(`${programs}/postgres`, ['--version']),
    commit: said('git', ['rev-parse', '--short', 'HEAD']),
    loadBefore: load(),
  };
}

export const load = (): number[] => loadavg().map((one) => Math.round(one * 100) / 100);

function said(program: string, argv: readonly string[]): string {
  try {
    return execFileSync(program, argv, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return 'none';
  }
}

const tickMs = 10; // USER_HZ is 100 on every Linux that runs Node

/** CPU milliseconds used so far by the engine and its helpers. Shims that ended are no longer seen. */
export function engineCpuMs(): number {
  let ticks = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = read(`/proc/${pid}/stat`);
    const name = /\((.*)\)/.exec(stat)?.[1] ?? '';
    if (!/^(dockerd|containerd)/.test(name)) continue;
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    for (const index of [11, 12, 13, 14]) ticks += Number(fields[index]);
  }
  return ticks * tickMs;
}

/** CPU milliseconds used so far by one process with all its threads. */
export function processCpuMs(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** Resident memory of one process, megabytes. `proportional` shares what several processes share. */
export function residentMB(pid: number, proportional = false): number {
  const field = proportional ? /^Pss:\s+(\d+)/m : /^VmRSS:\s+(\d+)/m;
  const text = read(`/proc/${pid}/${proportional ? 'smaps_rollup' : 'status'}`);
  return Number(field.exec(text)?.[1] ?? Number.NaN) / 1024;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
