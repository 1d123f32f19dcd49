import type Docker from 'dockerode';
import type { HomeLayout, InstanceSpec } from '../../core/instances/engine.port.js';
import { placePath, sharedVolumeName, sharedVolumeOwner, volumeName } from './labels.js';

const { home, run } = placePath;

/** Does the home need folders laid out before anything is mounted in it? */
export const isPlain = ({ shared, writable }: HomeLayout): boolean => shared.length === 0 && writable === null;

/**
 * The mounts of a container. A home that is closed for writing is mounted read-only, and each folder that stays open once
 * more from where the volume's files lie (`homeFolder`): an engine of this age mounts no part of a volume. That is safe only
 * because `HomePreparation` has seen that none of them is a link, while nothing of the agent's ran.
 */
export function mountsOf(spec: InstanceSpec, homeFolder: string | null): Docker.MountConfig {
  const { instanceId, layout } = spec;
  const folders = homeFolder === null ? [] : openFolders(layout);
  return [
    { Type: 'volume', Source: volumeName('home', instanceId), Target: home, ReadOnly: layout.writable !== null },
    { Type: 'volume', Source: volumeName('run', instanceId), Target: run },
    ...folders.map((path) => ({ Type: 'bind' as const, Source: `${homeFolder}/${path}`, Target: `${home}/${path}` })),
    ...layout.shared.map(({ owner, path }) => ({
      Type: 'volume' as const,
      Source: sharedVolumeName(owner),
      Target: `${home}/${path}`,
    })),
  ];
}

/** What is mounted, in the words of the port. */
export function layoutOf(info: Docker.ContainerInspectInfo): HomeLayout {
  const mounts = info.HostConfig.Mounts ?? [];
  const inHome = mounts.filter(({ Target }) => Target.startsWith(`${home}/`));
  const path = ({ Target }: Docker.MountSettings): string => Target.slice(home.length + 1);
  const closed = mounts.some(({ Target, ReadOnly }) => Target === home && ReadOnly === true);
  return {
    shared: inHome.flatMap((mount) => {
      const owner = mount.Type === 'volume' ? sharedVolumeOwner(mount.Source) : null;
      return owner === null ? [] : [{ owner, path: path(mount) }];
    }),
    writable: closed ? inHome.filter(({ Type }) => Type === 'bind').map(path) : null,
  };
}

/** Folders that stay open: the outermost ones, as an open folder's content is in the agent's hands, and no shared ones. */
export function openFolders({ writable, shared }: HomeLayout): string[] {
  const within = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
  const folders = [...new Set(writable ?? [])];
  return folders
    .filter((path) => !folders.some((other) => other !== path && within(path, other)))
    .filter((path) => !shared.some((folder) => within(path, folder.path)));
}
