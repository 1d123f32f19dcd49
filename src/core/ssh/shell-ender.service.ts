import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.port.js';
import { type Channel, Channels, type ShellSignal } from '../instances/channel.port.js';
import type { ShellPlace } from './shells.service.js';

type Place = Pick<ShellPlace, 'instanceId' | 'ref'>;

/** Between HUP and KILL: time for an editor to save its swap file. */
const graceMs = [150, 250, 400];
const attempts = 30;
const pauseMs = 100;

/** Ends everything that carries a shell's id in its environment, or was started by what does, as the agent's own user. */
@Injectable()
export class ShellEnder {
  constructor(
    private readonly channels: Channels,
    private readonly clock: Clock,
  ) {}

  async signal(place: Place, id: string, name: ShellSignal): Promise<void> {
    await (await this.channel(place)).signal(id, name);
  }

  /** Whether any of it is left; what cannot be asked may be. */
  async lives(place: Place, id: string): Promise<boolean> {
    return this.channel(place)
      .then((channel) => channel.signal(id, 'NONE'))
      .then(
        (count) => count > 0,
        () => true,
      );
  }

  /** True: nothing is left. False: the channel could not be had, so nobody knows. */
  async end(place: Place, id: string, name: 'HUP' | 'KILL' = 'HUP'): Promise<boolean> {
    let next: ShellSignal = name;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      try {
        if ((await (await this.channel(place)).signal(id, next)) === 0) return true;
        if (next === 'HUP') await this.waitFor(place, id);
        else await this.clock.sleep(pauseMs);
        next = 'KILL';
      } catch {
        await this.clock.sleep(pauseMs);
      }
    }
    return false;
  }

  /** Returns early when all of it is gone. */
  private async waitFor(place: Place, id: string): Promise<void> {
    for (const ms of graceMs) {
      await this.clock.sleep(ms);
      if (!(await this.lives(place, id))) return;
    }
  }

  private channel({ instanceId, ref }: Place): Promise<Channel> {
    return this.channels.of({ instanceId, ref }, 'developer');
  }
}
