import type { InstanceSpec, Place } from '../../core/instances/engine.port.js';
import type { Connection } from './connection.js';
import { labelsOf } from './container-config.js';
import { isFault } from './errors.js';
import { label, labelled, sharedVolumeName, volumeName } from './labels.js';

const places: readonly Place[] = ['home', 'run'];
/** How long a removal that is already under way is waited for. */
const removalMs = 20_000;
const retryMs = 100;

/** The volumes of one installation's instances. */
export class Volumes {
  constructor(
    private readonly engine: Connection,
    private readonly installId: string,
  ) {}

  async list(of?: string): Promise<readonly { readonly instanceId: string; readonly name: string }[]> {
    const filters = JSON.stringify({ label: labelled(this.installId, of) });
    const { Volumes } = await this.engine.call('listing volumes', (abortSignal) =>
      this.engine.docker.listVolumes({ filters, abortSignal }),
    );
    return Volumes.flatMap(({ Name, Labels }) => {
      const instanceId = (Labels as Record<string, string> | null)?.[label.instance];
      return instanceId === undefined ? [] : [{ instanceId, name: Name }];
    });
  }

  /** Makes the volumes that are missing and answers with the names of those that are the instance's alone. */
  async make(spec: InstanceSpec): Promise<readonly string[]> {
    const present = new Set((await this.list(spec.instanceId)).map((volume) => volume.name));
    const made: string[] = [];
    const labels = labelsOf(spec, this.installId);
    try {
      for (const place of places) {
        const name = volumeName(place, spec.instanceId);
        if (present.has(name)) continue;
        await this.makeOne(name, labels);
        made.push(name);
      }
      // With the labels of whom they belong to, whoever needs them first. One that is there stays as it is.
      for (const { owner, path } of spec.layout.shared) {
        const agent = owner === spec.instanceId ? spec.agentName : (path.split('/').at(-1) ?? '');
        await this.makeOne(sharedVolumeName(owner), { ...labels, [label.instance]: owner, [label.agent]: agent });
      }
    } catch (error) {
      await this.rollBack(made);
      throw error;
    }
    return made;
  }

  /** Removes all volumes of an instance. By label, not by name: what another installation called the same stays. */
  async removeAll(instanceId: string): Promise<void> {
    for (const { name } of await this.list(instanceId)) {
      if (name === sharedVolumeName(instanceId)) await this.removeUnlessHeld(name);
      else await untilFree(() => this.remove(name));
    }
  }

  /** Where a volume's files lie on the engine's machine. */
  async folderOf(place: Place, instanceId: string): Promise<string> {
    const { Mountpoint } = await this.engine.call('inspecting a volume', (abortSignal) =>
      this.engine.docker.getVolume(volumeName(place, instanceId)).inspect({ abortSignal }),
    );
    return Mountpoint;
  }

  async rollBack(volumes: readonly string[]): Promise<void> {
    // The error that led here matters more than one of the clean-up; `listVolumes` finds what stays behind.
    for (const name of volumes) await this.remove(name).catch(() => undefined);
  }

  /** Another instance's container may have it: whoever looks for what was left behind removes it later. */
  private async removeUnlessHeld(name: string): Promise<void> {
    try {
      await this.remove(name);
    } catch (error) {
      if (!isFault(error, 'conflict', 'not_found')) throw error;
    }
  }

  private async makeOne(Name: string, Labels: Record<string, string>): Promise<void> {
    await this.engine.call('creating a volume', (abortSignal) =>
      this.engine.docker.createVolume({ Name, Labels, abortSignal }),
    );
  }

  private async remove(name: string): Promise<void> {
    await this.engine.call('removing a volume', (abortSignal) =>
      this.engine.docker.getVolume(name).remove({ abortSignal }),
    );
  }
}

/** Repeats a removal while the engine says that somebody still holds the thing; gone already is success. */
export async function untilFree(remove: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + removalMs;
  for (;;) {
    try {
      await remove();
      return;
    } catch (error) {
      if (isFault(error, 'not_found')) return;
      if (!isFault(error, 'conflict') || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
