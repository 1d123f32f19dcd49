import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { docker } from './docker-world.js';

/** On this machine: the process of the entry script in a container, the child of the engine's init. */
export async function mainProcessOf(ref: string): Promise<number> {
  const { State } = await docker.getContainer(ref).inspect();
  for (const name of readdirSync('/proc').filter((one) => /^\d+$/.test(one))) {
    const status = statusOf(name);
    if (new RegExp(`^PPid:\\s+${State.Pid}$`, 'm').test(status) && /^Name:\s+sh$/m.test(status)) return Number(name);
  }
  throw new Error('the container has no main process');
}

/** When the memory of its container runs out, the kernel kills this process first. */
export function preferForOom(pid: number): void {
  writeFileSync(`/proc/${pid}/oom_score_adj`, '1000');
}

/** Processes of a container that the kernel killed because its memory ran out, of this life of it. */
export async function memoryKillsOf(ref: string): Promise<number> {
  const { State } = await docker.getContainer(ref).inspect();
  for (const line of readFileSync(`/proc/${State.Pid}/cgroup`, 'utf8').split('\n')) {
    const [, controllers, folder = ''] = line.split(':');
    if (controllers !== 'memory' && controllers !== '') continue;
    const file = controllers === 'memory' ? `memory${folder}/memory.oom_control` : `.${folder}/memory.events`;
    const found = countIn(join('/sys/fs/cgroup', file));
    if (found !== null) return found;
  }
  throw new Error('the kernel does not say whom it killed');
}

function countIn(file: string): number | null {
  try {
    const [, count] = /^oom_kill (\d+)$/m.exec(readFileSync(file, 'utf8')) ?? [];
    return count === undefined ? null : Number(count);
  } catch {
    return null; // the other layout of cgroups
  }
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}
