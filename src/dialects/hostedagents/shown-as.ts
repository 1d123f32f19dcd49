import { Injectable } from '@nestjs/common';
import type { Agent } from '../../core/agents/agent.entity.js';
import { LinkAddresses } from '../../core/links/link-addresses.js';
import { ModelList } from './model-list.js';

/** What this API shows beside what is stored: a model in its words, and the addresses of pages (contract section 8). */
@Injectable()
export class ShownAs {
  constructor(
    private readonly models: ModelList,
    private readonly addresses: LinkAddresses,
  ) {}

  /** The model of an agent, as this API says it: the one that was chosen last. */
  model({ runtime, model, provider, nextModel }: Agent): string {
    return this.models.of({ runtime, ...(nextModel ?? { model, provider }) });
  }

  /** The page of an agent. */
  agent(agentId: string): string {
    return this.addresses.agentUrl(agentId);
  }

  /** The page of one session. */
  session(sessionId: string): string {
    return this.addresses.sessionUrl(sessionId);
  }
}
