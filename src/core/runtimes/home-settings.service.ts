import { Injectable } from '@nestjs/common';
import { mcpPath } from '../credentials/credential-path.rules.js';
import { abilitiesOf, mcpServersIn } from '../credentials/mcp.rules.js';
import { isObject } from '../credentials/objects.js';
import { Channels } from '../instances/channel.port.js';
import type { Instance } from '../instances/instance.entity.js';
import { AgentEnvironment, type AgentPlace } from './agent-environment.service.js';
import { HomeTexts } from './home-texts.js';

/**
 * Stands for the tool servers of the agent's home in a line that opens a conversation. They are filled in when the line is
 * delivered, because they hold secrets, and lines wait in the database.
 */
export const fromHome = '@home';
const mark = `"mcpServers":"${fromHome}"`;

/** What a runtime gets from `.mcp.json` in its agent's home: tool servers, with the agent's variables filled in. */
@Injectable()
export class HomeSettings {
  private readonly home: HomeTexts;

  constructor(
    channels: Channels,
    private readonly environment: AgentEnvironment,
  ) {
    this.home = new HomeTexts(channels);
  }

  /** A line as the runtime shall read it. `initialized` answers what the runtime said it can do. */
  async fill(instance: Instance, line: string, initialized: () => Promise<unknown>): Promise<string> {
    if (!line.includes(mark)) return line;
    const message = JSON.parse(line) as { params?: unknown };
    const { params } = message;
    if (!isObject(params) || params['mcpServers'] !== fromHome) return line;
    const place = { instanceId: instance.id, agentId: instance.agentId, ref: instance.ref ?? '' };
    const text = await this.home.text(place, mcpPath);
    const mcpServers = text === '' ? [] : await this.servers(place, text, await initialized());
    return JSON.stringify({ ...message, params: { ...params, mcpServers } });
  }

  private async servers(place: AgentPlace, text: string, initialized: unknown): Promise<unknown> {
    const own = await this.environment.own(place);
    const variables = new Map([...own, ...Object.entries(await this.environment.keys(place.agentId))]);
    return mcpServersIn(text, variables, abilitiesOf(initialized));
  }
}
