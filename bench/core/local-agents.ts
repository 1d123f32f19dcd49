import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Removes a data folder, and first the processes of its instances: agents of the local engine outlive their server on purpose. */
export function forgetDataDir(dataDir: string): void {
  const instances = new Set(names(join(dataDir, 'local')));
  // Whoever is killed may just have started somebody: until a look finds nobody.
  for (let look = 0; look < 20 && instances.size > 0 && killAll(instances) > 0; look += 1);
  rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
}

function killAll(instances: ReadonlySet<string>): number {
  let found = 0;
  for (const pid of names('/proc').map(Number).filter(Number.isInteger)) {
    const owner = /(?:^|\0)FLOTILLA_INSTANCE=[^\0/]*\/([^\0]*)/.exec(read(`/proc/${pid}/environ`))?.[1];
    if (owner === undefined || !instances.has(owner) || pid === process.pid) continue;
    found += 1;
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      continue; // gone meanwhile
    }
  }
  return found;
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}
