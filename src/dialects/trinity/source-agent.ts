import { Injectable } from '@nestjs/common';
import { Access } from '../../core/access/access.service.js';
import type { Principal } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { AgentGrants } from '../../core/agents/agent-grants.service.js';
import { Forbidden, Hidden, NotFound } from '../../core/errors/domain-error.js';

/** Who asks whom: the agent that is called, and the one that calls it, if one does. */
@Injectable()
export class SourceAgent {
  constructor(
    private readonly access: Access,
    private readonly grants: AgentGrants,
  ) {}

  /** @param source the agent named by `X-Source-Agent`: it must be one the caller can access */
  async of(
    who: Principal,
    name: string,
    source: string | undefined,
  ): Promise<{ readonly agent: Agent; readonly sourceAgentId: string | null }> {
    const agent = await this.grants.callable(who, name);
    return { agent, sourceAgentId: source ? await this.named(who, source) : callerOf(who, agent.id) };
  }

  private async named(who: Principal, slug: string): Promise<string> {
    try {
      return (await this.access.agent(who, { slug }, 'view')).id;
    } catch (error) {
      if (!(error instanceof NotFound || error instanceof Hidden || error instanceof Forbidden)) throw error;
      throw new Forbidden('X-Source-Agent must name an agent you can access', 'source_agent');
    }
  }
}

/** Whoever comes with the key of another agent is that agent. */
function callerOf({ via }: Principal, agentId: string): string | null {
  return via.kind === 'key' && via.agentId !== agentId ? via.agentId : null;
}
