import { Logger } from '@nestjs/common';
import { ChannelError, type Channels } from '../instances/channel.port.js';

/** Reads settings from an agent's home, as the agent's own user. */
export class HomeTexts {
  private readonly logger = new Logger(HomeTexts.name);

  constructor(private readonly channels: Channels) {}

  /** Empty where there is no regular file, and where it is no business of ours: links are not followed. */
  async text(place: { readonly instanceId: string; readonly ref: string }, path: string): Promise<string> {
    const { instanceId, ref } = place;
    try {
      const channel = await this.channels.of({ instanceId, ref }, 'developer');
      const { data, size } = await channel.read('home', path);
      if (size <= data.length) return data.toString('utf8');
      this.logger.warn(`${path} of instance ${instanceId} is larger than 1 MiB, so it is not used`);
      return '';
    } catch (error) {
      if (!(error instanceof ChannelError) || error.fault === 'closed' || error.fault === 'timeout') throw error;
      if (error.fault !== 'not_found') this.logger.warn(`${path} of instance ${instanceId} is not used`, error);
      return '';
    }
  }
}
