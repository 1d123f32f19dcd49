import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Agent } from '../agents/agent.entity.js';
import { AgentFolders } from '../agents/agent-folders.entity.js';
import { mayCall } from '../agents/grant.rules.js';
import type { InstanceState } from './instance.lifecycle.js';
import { defaultPatterns, openFoldersOf } from '../agents/write.rules.js';
import { WriteRules } from '../agents/write-rules.entity.js';
import { Runtimes } from '../runtimes/runtime.port.js';
import { ContainerEngine, type HomeLayout, type SharedFolder } from './engine.port.js';

/** Where an agent's own shared folder is seen, and where those of others are: relative to the home. */
export const sharedOut = 'shared-out';
export const sharedInOf = (slug: string): string => `shared-in/${slug}`;

/** More are not mounted into one container. */
const mostFolders = 200;

/** A folder that an agent may have. */
export interface OfferedFolder {
  /** Of the agent that exposes it. */
  readonly slug: string;
  /** Id of that agent's instance. */
  readonly owner: string;
  readonly state: InstanceState;
  /** Its container; null when there is none. */
  readonly ref: string | null;
}

/** What the home of an agent should look like, from what is stored; as far as the engine is able to. */
@Injectable()
export class HomeLayouts {
  constructor(
    private readonly db: UnitOfWork,
    private readonly engine: ContainerEngine,
    private readonly runtimes: Runtimes,
  ) {}

  async wanted(agent: Agent, instanceId: string): Promise<HomeLayout> {
    const { sharedFolders, closedHome } = this.engine.abilities;
    return {
      shared: sharedFolders ? await this.shared(agent, instanceId) : [],
      writable: closedHome && agent.readOnly ? await this.writable(agent) : null,
    };
  }

  /** Folders that agents expose which this one may call, with their names, and whose they are. */
  async offered(agentId: string): Promise<OfferedFolder[]> {
    return this.db.query<OfferedFolder & Record<string, unknown>>(
      `select t.slug, i.id as owner, i.state, i.ref from agents s join agents t on t.id <> s.id
       join agent_folders f on f.agent_id = t.id and f.expose join instances i on i.agent_id = t.id
       where s.id = $1 and ${mayCall} order by t.slug limit ${mostFolders}`,
      [agentId],
    );
  }

  /** What stays open in a home that is closed: folders that are allowed as a whole, and what the runtime keeps for itself. */
  private async writable(agent: Agent): Promise<string[]> {
    const rules = (await this.db.of(WriteRules).findOneBy({ agentId: agent.id })) ?? defaultPatterns;
    const stores = this.runtimes.find(agent.runtime)?.stores ?? [];
    return [...new Set([...openFoldersOf(rules), ...stores])];
  }

  private async shared(agent: Agent, instanceId: string): Promise<SharedFolder[]> {
    const flags = await this.db.of(AgentFolders).findOneBy({ agentId: agent.id });
    const others = flags?.consume ? await this.offered(agent.id) : [];
    return [
      ...(flags?.expose ? [{ owner: instanceId, path: sharedOut }] : []),
      ...others.map(({ owner, slug }) => ({ owner, path: sharedInOf(slug) })),
    ];
  }
}
