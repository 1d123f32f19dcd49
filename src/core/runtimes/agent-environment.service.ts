import { Injectable } from '@nestjs/common';
import { AgentKeys } from '../accounts/agent-keys.service.js';
import { envPath } from '../credentials/credential-path.rules.js';
import { type Variables, variablesIn } from '../credentials/environment.rules.js';
import { Channels } from '../instances/channel.port.js';
import { GivenValues } from '../instances/given-values.js';
import { HomeTexts } from './home-texts.js';

/** Where an agent's processes run. */
export interface AgentPlace {
  readonly instanceId: string;
  readonly agentId: string;
  readonly ref: string;
}

/**
 * The environment of an agent's processes: the one place that says what is in it, for its runtime, its tool servers and for
 * people's shells alike. None of it is part of the container's own environment, where `inspect` would show it: it is
 * handed to each process as that starts.
 */
@Injectable()
export class AgentEnvironment {
  private readonly home: HomeTexts;

  constructor(
    channels: Channels,
    private readonly given: GivenValues,
    private readonly agentKeys: AgentKeys,
  ) {
    this.home = new HomeTexts(channels);
  }

  /** What people gave it: secrets of its group or organisation, and its own `.env`, which wins. */
  async own(place: AgentPlace): Promise<Variables> {
    const given = await this.given.variables(place.instanceId);
    return new Map([...given, ...variablesIn(await this.home.text(place, envPath))]);
  }

  /** Variables with which the agent's processes call us. */
  async keys(agentId: string): Promise<Record<string, string>> {
    const keys = await this.agentKeys.variables(agentId);
    return Object.fromEntries(keys.map(([name, value]) => [name, value.reveal()]));
  }

  /** What a person's shell or command in the agent gets, over SSH and at a terminal: all of that, as the agent's own shells have it. */
  async shell(place: AgentPlace): Promise<Variables> {
    return new Map([...(await this.own(place)), ...Object.entries(await this.keys(place.agentId))]);
  }
}
