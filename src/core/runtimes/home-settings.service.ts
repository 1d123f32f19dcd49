import { Injectable, Logger } from '@nestjs/common';
import { AgentKeys } from '../accounts/agent-keys.service.js';
import { envPath, mcpPath } from '../credentials/credential-path.rules.js';
import { type Variables, variablesIn } from '../credentials/environment.rules.js';
import { abilitiesOf, mcpServersIn } from '../credentials/mcp.rules.js';
import { isObject } from '../credentials/objects.js';
import { ChannelError, Channels } from '../instances/channel.port.js';
import type { Instance } from '../instances/instance.entity.js';

/**
 * Stands for the tool servers of the agent's home in a line that opens a conversation. They are filled in when the line is
 * delivered, because they hold secrets, and lines wait in the database.
 */
export const fromHome = '@home';
const mark = `"mcpServers":"${fromHome}"`;

/** What a runtime gets from its agent's home: variables from `.env`, tool servers from `.mcp.json`; and the agent's keys. */
@Injectable()
export class HomeSettings {
  private readonly logger = new Logger(HomeSettings.name);

  constructor(
    private readonly channels: Channels,
    private readonly agentKeys: AgentKeys,
  ) {}

  async variables(instance: Instance): Promise<Variables> {
    return variablesIn(await this.text(instance, envPath));
  }

  /** Variables with which the agent's processes call us. */
  async keys(agentId: string): Promise<Record<string, string>> {
    const keys = await this.agentKeys.variables(agentId);
    return Object.fromEntries(keys.map(([name, value]) => [name, value.reveal()]));
  }

  /** A line as the runtime shall read it. `initialized` answers what the runtime said it can do. */
  async fill(instance: Instance, line: string, initialized: () => Promise<unknown>): Promise<string> {
    if (!line.includes(mark)) return line;
    const message = JSON.parse(line) as { params?: unknown };
    const { params } = message;
    if (!isObject(params) || params['mcpServers'] !== fromHome) return line;
    const text = await this.text(instance, mcpPath);
    const mcpServers = text === '' ? [] : await this.servers(instance, text, await initialized());
    return JSON.stringify({ ...message, params: { ...params, mcpServers } });
  }

  private async servers(instance: Instance, text: string, initialized: unknown): Promise<unknown> {
    const own = await this.variables(instance);
    const variables = new Map([...own, ...Object.entries(await this.keys(instance.agentId))]);
    return mcpServersIn(text, variables, abilitiesOf(initialized));
  }

  /** Empty where there is no regular file, and where it is no business of ours: links are not followed. */
  private async text(instance: Instance, path: string): Promise<string> {
    try {
      const channel = await this.channels.of({ instanceId: instance.id, ref: instance.ref ?? '' }, 'developer');
      const { data, size } = await channel.read('home', path);
      if (size <= data.length) return data.toString('utf8');
      this.logger.warn(`${path} of instance ${instance.id} is larger than 1 MiB, so it is not used`);
      return '';
    } catch (error) {
      if (!(error instanceof ChannelError) || error.fault === 'closed' || error.fault === 'timeout') throw error;
      if (error.fault !== 'not_found') this.logger.warn(`${path} of instance ${instance.id} is not used`, error);
      return '';
    }
  }
}
