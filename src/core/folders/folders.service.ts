import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { AgentFolders } from '../agents/agent-folders.entity.js';
import { mayCall } from '../agents/grant.rules.js';
import { Audit } from '../audit/audit.service.js';
import { Invalid } from '../errors/domain-error.js';
import { ContainerEngine, plainHome } from '../instances/engine.port.js';
import { HomeLayouts, type OfferedFolder, sharedInOf } from '../instances/home-layouts.service.js';
import { Instance } from '../instances/instance.entity.js';
import type { InstanceState } from '../instances/instance.lifecycle.js';
import { sameLayout } from '../instances/instance-spec.js';

export interface FolderFlags {
  readonly expose: boolean;
  readonly consume: boolean;
}

export interface SourceFolder extends OfferedFolder {
  /** At the engine, for people. */
  readonly volume: string;
  /** Relative to the home of the one that gets it. */
  readonly path: string;
  /** The container has it now. */
  readonly mounted: boolean;
}

export interface FolderStatus extends FolderFlags {
  readonly agent: Agent;
  readonly instance: Instance | null;
  /** Null unless it exposes one. */
  readonly volume: string | null;
  /** What it gets; empty unless it consumes. */
  readonly consumed: readonly SourceFolder[];
  /** The container has other folders than those that are stored: the next start makes it again. */
  readonly restartRequired: boolean;
}

export interface FolderConsumer {
  readonly slug: string;
  readonly state: InstanceState | null;
}

/** Shared folders: an agent exposes one, and others that may call it and want to get it, as soon as they are started. */
@Injectable()
export class Folders {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly audit: Audit,
    private readonly engine: ContainerEngine,
    private readonly layouts: HomeLayouts,
  ) {}

  async status(who: Principal, slug: string): Promise<FolderStatus> {
    const agent = await this.access.agent(who, { slug }, 'view');
    const instance = await this.db.of(Instance).findOneBy({ agentId: agent.id });
    const { expose, consume } = await this.flags(agent.id);
    const wanted = instance ? await this.layouts.wanted(agent, instance.id) : plainHome;
    const { shared } = layoutOf(instance);
    return {
      agent,
      instance,
      expose,
      consume,
      volume: expose && instance ? this.engine.sharedFolderName(instance.id) : null,
      consumed: consume ? this.sources(await this.layouts.offered(agent.id), instance) : [],
      restartRequired: instance?.ref
        ? !sameLayout({ ...plainHome, shared }, { ...plainHome, shared: wanted.shared })
        : false,
    };
  }

  /** Stores what is given; the rest stays. Throws `Invalid` where the engine has no shared folders. */
  async configure(who: Principal, slug: string, change: Partial<FolderFlags>): Promise<FolderFlags> {
    await this.access.agent(who, { slug }, 'own');
    if ((change.expose || change.consume) && !this.engine.abilities.sharedFolders) {
      const reason = `Folders cannot be shared on the ${this.engine.kind} engine: run agents in containers (FLOTILLA_ENGINE=docker)`;
      throw new Invalid(reason, [], 'folders_unsupported');
    }
    return this.db.run(async (tx) => {
      const agent = await this.access.agent(who, { slug }, 'own', tx);
      const before = (await tx.of(AgentFolders).findOneBy({ agentId: agent.id })) ?? noFolders;
      const now = { expose: change.expose ?? before.expose, consume: change.consume ?? before.consume };
      if (now.expose === before.expose && now.consume === before.consume) return now;
      await tx.of(AgentFolders).save({ agentId: agent.id, ...now });
      await this.audit.record(tx, { who, action: 'agent.folders_changed', object: `agent:${agent.id}`, data: now });
      await tx.emit({ type: 'agent.configured', orgId: agent.orgId, agentId: agent.id, data: { folders: now } });
      return now;
    });
  }

  /** Folders this agent gets, or would get if it consumed. */
  async available(who: Principal, slug: string): Promise<SourceFolder[]> {
    const agent = await this.access.agent(who, { slug }, 'view');
    const instance = await this.db.of(Instance).findOneBy({ agentId: agent.id });
    return this.sources(await this.layouts.offered(agent.id), instance);
  }

  /** Agents that get the folder of this one; none unless it exposes one. */
  async consumers(who: Principal, slug: string): Promise<FolderConsumer[]> {
    const agent = await this.access.agent(who, { slug }, 'view');
    return this.db.query<FolderConsumer & Record<string, unknown>>(
      `select s.slug, i.state from agents t join agent_folders e on e.agent_id = t.id and e.expose
       join agents s on s.id <> t.id join agent_folders c on c.agent_id = s.id and c.consume
       left join instances i on i.agent_id = s.id
       where t.id = $1 and ${mayCall} order by s.slug`,
      [agent.id],
    );
  }

  private async flags(agentId: string): Promise<FolderFlags> {
    return (await this.db.of(AgentFolders).findOneBy({ agentId })) ?? noFolders;
  }

  private sources(offered: readonly OfferedFolder[], instance: Instance | null): SourceFolder[] {
    const { shared } = layoutOf(instance);
    return offered.map((source) => {
      const path = sharedInOf(source.slug);
      const mounted = shared.some((folder) => folder.owner === source.owner && folder.path === path);
      return { ...source, path, mounted, volume: this.engine.sharedFolderName(source.owner) };
    });
  }
}

const noFolders: FolderFlags = { expose: false, consume: false };

const layoutOf = (instance: Instance | null) => (instance?.ref ? (instance.made?.layout ?? plainHome) : plainHome);
