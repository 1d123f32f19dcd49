import { createHash } from 'node:crypto';
import type { Place } from '../../core/instances/engine.port.js';

/** By these labels our things are found again; names are for people. */
export const label = {
  install: 'flotilla.install',
  instance: 'flotilla.instance',
  agent: 'flotilla.agent',
  /** On a container that prepares an instance's home: the instance's id. */
  preparing: 'flotilla.preparing',
  /** On an image: the runtime in it. */
  runtime: 'flotilla.runtime',
} as const;

/** Where the places lie inside every container. */
export const placePath: Readonly<Record<Place, string>> = { home: '/home/developer', run: '/var/lib/flotilla' };

export function volumeName(place: Place, instanceId: string): string {
  return `flotilla-${place}-${instanceId}`;
}

/** The folder that an instance shares with others. */
export function sharedVolumeName(instanceId: string): string {
  return `flotilla-shared-${instanceId}`;
}

/** Whose it is, by its name; null when it is none. */
export function sharedVolumeOwner(volume: string): string | null {
  return /^flotilla-shared-(.+)$/.exec(volume)?.[1] ?? null;
}

export function imageName(runtime: string, version: string): string {
  return `flotilla-agent-${runtime}:${version}`;
}

/** The one network of an installation: the beginning of its UUID; another kind of id is hashed, as beginnings may be alike. */
export function networkName(installId: string): string {
  const plain = /^[0-9a-f]{8}(?=-)/i.exec(installId)?.[0];
  return `flotilla-${plain ?? createHash('sha256').update(installId).digest('hex').slice(0, 8)}`;
}

/** A filter for the engine's list calls: things of this installation, or of one of its instances. */
export function labelled(installId: string, instanceId?: string): string[] {
  const filters = [`${label.install}=${installId}`];
  if (instanceId !== undefined) filters.push(`${label.instance}=${instanceId}`);
  return filters;
}
