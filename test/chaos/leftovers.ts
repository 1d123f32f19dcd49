import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until.js';
import type { ChildServer } from './child-server.js';
import { docker, type DockerWorld, volumesOf } from './rig/docker-world.js';

// I5 beside processes: what is left over in folders and in the engine.

/** Hands of a container: one for the agent's user, one for root. */
const mostExecs = 2;
const patienceMs = 15_000;

/** Files that never took their name: the hand in a container writes beside the target and renames. */
function draftsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /(^|\/)\.[^/]+\.\d+\.\d+~$/.test(path),
  );
}

/** Of the local engine: no half-written file in any agent's folders. */
export async function expectNoDrafts(server: ChildServer): Promise<void> {
  const folder = join(server.dataDir, 'local');
  await until('no half-written file is left', () => draftsIn(folder).length === 0, patienceMs).catch(
    (error: unknown) => {
      throw new Error(`I5: ${String(error)}: ${draftsIn(folder).join(', ')}`);
    },
  );
}

/** Of Docker: one network at most, no exec of a server that is gone, no half-written file. Volumes are told by `expectEngineMatches`. */
export async function expectNothingLeft(world: DockerWorld): Promise<void> {
  await until('nothing is left over', async () => (await leftovers(world)).length === 0, patienceMs).catch(
    async (error: unknown) => {
      throw new Error(`I5: ${String(error)}: ${(await leftovers(world)).join(', ')}`);
    },
  );
}

async function leftovers({ install, containers }: DockerWorld): Promise<string[]> {
  const found: string[] = [];
  const networks = await docker.listNetworks({ filters: { label: [`flotilla.install=${install}`] } });
  if (networks.length > 1) found.push(`${networks.length} networks`);
  for (const { Id, State } of await containers()) {
    const { ExecIDs } = (await docker.getContainer(Id).inspect()) as { ExecIDs?: string[] | null };
    const execs = ExecIDs?.length ?? 0;
    if (execs > (State === 'running' ? mostExecs : 0)) found.push(`${execs} execs in ${Id.slice(0, 12)}`);
  }
  for (const name of await volumesOf(install)) {
    const { Mountpoint } = await docker.getVolume(name).inspect();
    found.push(...draftsIn(Mountpoint).map((path) => `${name}/${path}`));
  }
  return found;
}
