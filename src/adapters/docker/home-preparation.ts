import { EngineError } from '../../core/instances/engine.errors.js';
import type { EngineInstance, InstanceSpec } from '../../core/instances/engine.port.js';
import type { Connection } from './connection.js';
import { isFault } from './errors.js';
import { isPlain, openFolders } from './home-layout.js';
import { label, placePath, sharedVolumeName, volumeName } from './labels.js';

/** How long laying out folders may take. */
const prepareMs = 60_000;

/**
 * Run in the home by root, with the folders to be mounted upon as arguments: each of them and each parent must be a real folder.
 * What stands there instead (a link above all) is set aside, never followed: nothing of the agent's runs meanwhile, so it
 * stays as it was seen. Folders of shared volumes become the agent's, and mount points that nobody needs any more go.
 */
const script = `set -eu
stamp=$(date +%s)
for folder in "$@"; do
  path=.
  rest=$folder/
  while [ -n "$rest" ]; do
    path=$path/\${rest%%/*}
    rest=\${rest#*/}
    if [ -L "$path" ] || { [ -e "$path" ] && [ ! -d "$path" ]; }; then mv -T -- "$path" "$path.before-$stamp"; fi
    [ -d "$path" ] || { mkdir -- "$path" && chown developer:developer -- "$path"; }
  done
done
for volume in /mnt/*/; do [ -d "$volume" ] && chown developer:developer -- "$volume"; done
if [ -d shared-in ] && [ ! -L shared-in ]; then
  for old in shared-in/*/; do
    old=\${old%/}
    keep=
    for folder in "$@"; do [ "$folder" != "$old" ] || keep=1; done
    [ -n "$keep" ] || [ -L "$old" ] || rmdir -- "$old" 2>/dev/null || :
  done
fi
`;

/** Lays out a home before something is mounted in it: a container of its own that lives for a moment, without any network. */
export class HomePreparation {
  constructor(
    private readonly engine: Connection,
    private readonly installId: string,
  ) {}

  /** Nothing of the instance may run. A plain home needs nothing. */
  async run({ instanceId, layout }: Pick<InstanceSpec, 'instanceId' | 'layout'>, image: string): Promise<void> {
    if (isPlain(layout)) return;
    await this.clear(instanceId);
    const { docker } = this.engine;
    const owners = [...new Set(layout.shared.map(({ owner }) => owner))];
    const folders = [...layout.shared.map(({ path }) => path), ...openFolders(layout)];
    const container = await this.engine.call('preparing a home', (abortSignal) =>
      docker.createContainer({
        Image: image,
        Labels: { [label.install]: this.installId, [label.preparing]: instanceId },
        User: 'root',
        Entrypoint: ['/bin/sh', '-c', script, 'prepare'],
        Cmd: folders,
        WorkingDir: placePath.home,
        HostConfig: {
          Mounts: [
            { Type: 'volume', Source: volumeName('home', instanceId), Target: placePath.home },
            ...owners.map((owner, at) => ({
              Type: 'volume' as const,
              Source: sharedVolumeName(owner),
              Target: `/mnt/${at}`,
            })),
          ],
          CapDrop: ['ALL'],
          CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER'],
          SecurityOpt: ['no-new-privileges:true'],
          NetworkMode: 'none',
          Memory: 128 * 2 ** 20,
          MemorySwap: 128 * 2 ** 20,
          PidsLimit: 32,
        },
        abortSignal,
      }),
    );
    try {
      await this.engine.call('preparing a home', (abortSignal) => container.start({ abortSignal }));
      const { StatusCode } = (await this.engine.call('preparing a home', () => container.wait(), prepareMs)) as {
        StatusCode: number;
      };
      if (StatusCode !== 0) throw new EngineError('refused', 'The folders of the home could not be laid out');
    } finally {
      await this.remove(container.id).catch(() => undefined);
    }
  }

  /** Removes what an earlier preparation that was cut off has left. */
  async clear(instanceId: string): Promise<void> {
    const filters = { label: [`${label.install}=${this.installId}`, `${label.preparing}=${instanceId}`] };
    const left = await this.engine.call('listing containers', (abortSignal) =>
      this.engine.docker.listContainers({ all: true, filters, abortSignal }),
    );
    for (const { Id } of left) await this.remove(Id);
  }

  private async remove(id: string): Promise<void> {
    try {
      await this.engine.call('removing a container', (abortSignal) =>
        this.engine.docker.getContainer(id).remove({ force: true, v: true, abortSignal }),
      );
    } catch (error) {
      if (!isFault(error, 'not_found', 'conflict')) throw error;
    }
  }
}

/** Instances whose home was laid out and that have not been started since: a start lays out the others. */
export class Prepared {
  private readonly refs = new Set<string>();

  add({ ref, layout }: EngineInstance): void {
    if (!isPlain(layout)) this.refs.add(ref);
  }

  /** Was it laid out? Holds for one start. */
  take(ref: string): boolean {
    return this.refs.delete(ref);
  }
}
