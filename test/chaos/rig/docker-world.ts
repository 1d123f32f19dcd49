import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Docker from 'dockerode';
import { makeDataDir } from '../../support/database.js';
import { ChildServer } from '../child-server.js';
import { EngineProxy } from './engine-proxy.js';

export const docker = new Docker({ socketPath: '/var/run/docker.sock' });

/** `describe` where an engine answers, `describe.skip` elsewhere. */
export const describeDocker = engineAnswers() ? describe : describe.skip;

function engineAnswers(): boolean {
  try {
    execFileSync('docker', ['version'], { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

/** A server on the real engine behind a fault proxy, with the scripted runtime in its containers. */
export async function dockerWorld(env: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-chaos-'));
  const proxy = new EngineProxy(join(folder, 'engine.sock'));
  await proxy.mend();
  const dataDir = env.DATABASE_URL ? join(folder, 'data') : await makeDataDir();
  const server = await ChildServer.on(dataDir, { ...dockerEnv(), DOCKER_HOST: proxy.url, ...env });
  await server.start();
  const [{ install } = { install: '' }] = await server.sql<{ install: string }>(
    `select value #>> '{}' as install from settings where key = 'flotilla.install_id'`,
  );
  const world = {
    server,
    proxy,
    install,
    containers: () => containersOf(install),
    async close(): Promise<void> {
      proxy.faults = [];
      await server.kill();
      proxy.cut();
      await cleanUp(install);
      for (const one of [folder, dataDir]) rmSync(one, { recursive: true, force: true });
    },
  };
  return world;
}

export type DockerWorld = Awaited<ReturnType<typeof dockerWorld>>;

/** For servers that share a database: one key, and agents in containers. */
export const dockerEnv = (): Record<string, string> => ({
  FLOTILLA_ENGINE: 'docker',
  FLOTILLA_MASTER_KEY: randomBytes(32).toString('hex'),
});

/** Containers of an installation, as the engine itself tells. */
export async function containersOf(install: string): Promise<Docker.ContainerInfo[]> {
  return docker.listContainers({ all: true, filters: { label: [`flotilla.install=${install}`] } });
}

/** Names of the volumes of an installation. */
export async function volumesOf(install: string): Promise<string[]> {
  const filters = JSON.stringify({ label: [`flotilla.install=${install}`] });
  return (await docker.listVolumes({ filters })).Volumes.map(({ Name }) => Name);
}

/** Removes everything an installation made. A kept connection that the engine closes meanwhile breaks a call; then once more. */
export async function cleanUp(install: string): Promise<void> {
  if (install !== '') await removeAll(install).catch(() => removeAll(install));
}

async function removeAll(install: string): Promise<void> {
  const filters = { label: [`flotilla.install=${install}`] };
  for (const one of await containersOf(install)) await docker.getContainer(one.Id).remove({ force: true, v: true });
  for (const name of await volumesOf(install)) await docker.getVolume(name).remove();
  for (const one of await docker.listNetworks({ filters })) await docker.getNetwork(one.Id).remove();
}
