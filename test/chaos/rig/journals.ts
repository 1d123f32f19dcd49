import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChildServer } from '../child-server.js';
import { type Found, processesOf } from '../invariants.js';

// What a runtime on the local engine did while no server was there to see it.

/** Path of the journal of an agent's newest generation. */
export async function journalOf(server: ChildServer, name: string): Promise<string> {
  const [row] = await server.sql<{ id: string }>(
    `select i.id from instances i join agents a on a.id = i.agent_id where a.slug = '${name}'`,
  );
  const folder = join(server.dataDir, 'local', row?.id ?? '', 'run', 'gen');
  const newest = readdirSync(folder).sort((a, b) => Number(b) - Number(a))[0] ?? '';
  return join(folder, newest, 'journal');
}

/** Whether a runtime has ended the turn that says `end-<mark>` last. */
export function ended(file: string, mark: string): boolean {
  return readFileSync(file, 'latin1').split(`end-${mark}`)[1]?.includes('"stopReason"') === true;
}

/** Whether it answers a turn of ticks, or has ended the one of the mark. */
export const begun = (file: string, mark: string): boolean =>
  readFileSync(file, 'latin1').split('"stopReason"').at(-1)?.includes('tick 1 ') === true || ended(file, mark);

/** Processes of all agents of a server. Ask before it dies, and kill them after. */
export async function agentProcesses(server: ChildServer): Promise<() => Found[]> {
  const [install] = await server.sql<{ id: string }>(
    `select value #>> '{}' as id from settings where key = 'flotilla.install_id'`,
  );
  return () => processesOf(install?.id ?? '-');
}

/** kill -9 for every one of them. */
export function killAll(processes: readonly Found[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      continue; // it ended with another one
    }
  }
}
