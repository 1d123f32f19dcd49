import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return ''; // it ended meanwhile
  }
}
