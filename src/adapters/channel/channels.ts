import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Channel, Channels } from '../../core/instances/channel.port.js';
import type { ContainerEngine, InstanceUser } from '../../core/instances/engine.port.js';
import { ChannelClient } from './channel-client.js';
import { HandConnection } from './hand-connection.js';

/** One argument of an exec may have 128 KiB at most; this has a tenth. */
const source = readFileSync(join(__dirname, 'hand.pl'), 'utf8');

interface Opened {
  readonly ref: string;
  readonly channel: Promise<ChannelClient>;
  /** Known once it is open. */
  client: ChannelClient | null;
}

/** Channels as resident programs started through the engine's exec. Errors of opening are the engine's. */
export class EngineChannels extends Channels {
  private readonly opened = new Map<string, Opened>();

  constructor(private readonly engine: ContainerEngine) {
    super();
  }

  async of(instance: { readonly instanceId: string; readonly ref: string }, user: InstanceUser): Promise<Channel> {
    const key = `${instance.instanceId}/${user}`;
    const known = this.opened.get(key);
    if (known && known.ref === instance.ref && !known.client?.closed) return known.channel;
    if (known) this.drop(key, known);

    const opening: Opened = { ref: instance.ref, channel: this.open(instance.ref, user), client: null };
    this.opened.set(key, opening);
    try {
      opening.client = await opening.channel;
    } catch (error) {
      if (this.opened.get(key) === opening) this.opened.delete(key);
      throw error;
    }
    return opening.client;
  }

  close(instanceId: string): void {
    for (const [key, opened] of this.opened) if (key.startsWith(`${instanceId}/`)) this.drop(key, opened);
  }

  closeAll(): void {
    for (const [key, opened] of this.opened) this.drop(key, opened);
  }

  onApplicationShutdown(): void {
    this.closeAll();
  }

  private drop(key: string, opened: Opened): void {
    this.opened.delete(key);
    // One that is still being opened is closed as soon as it is.
    opened.channel.then((channel) => channel.close()).catch(() => undefined);
    opened.client?.close();
  }

  private async open(ref: string, user: InstanceUser): Promise<ChannelClient> {
    const env = { FLOTILLA_EXEC: randomUUID() };
    const handle = await this.engine.exec(ref, { argv: ['perl', '-e', source], user, env });
    const channel = new ChannelClient(new HandConnection(handle), user, (place) => this.engine.pathOf(ref, place));
    try {
      await channel.ping();
    } catch (error) {
      channel.close();
      throw error;
    }
    return channel;
  }
}
