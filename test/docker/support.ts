import { randomUUID } from 'node:crypto';
import Docker from 'dockerode';
import {
  createDockerEngine,
  type DockerEngine,
  type DockerEngineOptions,
} from '../../src/adapters/docker/docker.engine.js';
import type { EngineUnderTest } from '../support/engine-fixture.js';

/** The agent image without any runtime in it: the real layers, built in seconds. */
export const probe = 'probe';

export const socketPath = '/var/run/docker.sock';

/** A client that asks the engine behind our adapter's back. */
export const docker = new Docker({ socketPath });

/** An engine of an installation of its own; `close()` removes everything the installation made. */
export function engineUnderTest(
  options: Partial<DockerEngineOptions> = {},
  installId: string = randomUUID(),
): EngineUnderTest & { readonly engine: DockerEngine; readonly installId: string } {
  const config = { dockerHost: `unix://${socketPath}`, dockerCertPath: null };
  const engine = createDockerEngine(config, installId, { packages: { [probe]: '' }, ...options });
  const close = async (): Promise<void> => {
    await engine.close();
    await cleanUp(installId);
  };
  return { engine, runtime: probe, installId, close };
}

async function cleanUp(installId: string): Promise<void> {
  const filters = { label: [`flotilla.install=${installId}`] };
  for (const one of await docker.listContainers({ all: true, filters })) {
    await docker.getContainer(one.Id).remove({ force: true, v: true });
  }
  const { Volumes } = await docker.listVolumes({ filters: JSON.stringify(filters) });
  for (const one of Volumes) await docker.getVolume(one.Name).remove();
  for (const one of await docker.listNetworks({ filters })) await docker.getNetwork(one.Id).remove();
}
