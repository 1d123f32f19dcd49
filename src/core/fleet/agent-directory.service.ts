import { Injectable } from '@nestjs/common';
import type { RowReader } from '../../platform/database/row-reader.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { includes } from '../access/access.rules.js';
import { Access } from '../access/access.service.js';
import type { Principal, Right } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { NotFound } from '../errors/domain-error.js';
import { Instance } from '../instances/instance.entity.js';
import { SshEndpoint } from '../ssh/ssh-endpoint.js';

/** An agent as somebody sees it in a list. */
export interface ListedAgent {
  readonly agent: Agent;
  readonly instance: Instance | null;
  /** Of this server's SSH gateway; 0 while there is none. */
  readonly sshPort: number;
  /** Null when the owner's account is gone. */
  readonly ownerName: string | null;
  readonly right: Right;
  readonly isOwner: boolean;
  /** Reached by a share, by somebody who neither owns it nor administers. */
  readonly isShared: boolean;
}

export interface FoundAgent extends ListedAgent {
  /** Is it shared with anybody? So that nobody has to ask for shares that are not there. */
  readonly hasShares: boolean;
}

interface Row extends Readonly<Record<string, unknown>> {
  readonly owner: string | null;
  readonly shared: boolean;
  readonly has_shares: boolean;
}

/** Which agents there are, for whom. From stored state only, by one plain query each: no engine is asked. */
@Injectable()
export class AgentDirectory {
  private readonly agents: RowReader<Agent>;
  private readonly instances: RowReader<Instance>;
  private readonly select: string;
  private readonly tables = `from agents a left join instances i on i.agent_id = a.id left join users u on u.id = a.owner_id`;

  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly endpoint: SshEndpoint,
  ) {
    this.agents = db.reader(Agent, 'a');
    this.instances = db.reader(Instance, 'i');
    this.select = `select ${this.agents.columns}, ${this.instances.columns}, u.username as owner`;
  }

  get sshPort(): number {
    return this.endpoint.port;
  }

  /** All agents the caller may see, newest first, then by name; `tags` keeps those that have any of them. */
  async list(who: Principal, tags: readonly string[] = []): Promise<ListedAgent[]> {
    const wanted = tags.length > 0 ? [JSON.stringify(tags)] : [];
    const visible = this.access.visibleAgentsWhere(who, wanted.length + 1);
    // Said only when it is asked for: on short lists planning a condition costs more than the rows.
    const tagged = `exists (select 1 from jsonb_array_elements_text(a.tags) t
      where t in (select jsonb_array_elements_text($1::jsonb))) and`;
    const rows = await this.db.query<Row>(
      `${this.select} ${this.tables} where ${wanted.length > 0 ? tagged : ''} ${visible.sql} order by a.created_at desc, a.slug`,
      [...wanted, ...visible.values],
    );
    const seen = new Set<string>();
    return rows.flatMap((row) => {
      const agent = this.agents.read(row);
      if (!agent || seen.has(agent.id)) return [];
      seen.add(agent.id);
      const place = { instance: this.instances.read(row), sshPort: this.sshPort };
      return [listed(who, agent, place, row.owner, sharedRight(who, agent))];
    });
  }

  /** Is anything stored at all, for anybody? */
  hasAny(): Promise<boolean> {
    return this.db.of(Agent).exists();
  }

  /** An agent with its instance, for events that everybody who may hear them gets; null when it is gone. */
  async find(agentId: string): Promise<Pick<ListedAgent, 'agent' | 'instance' | 'sshPort'> | null> {
    const [row] = await this.db.query<Row>(`${this.select} ${this.tables} where a.id = $1 limit 1`, [agentId]);
    const agent = row && this.agents.read(row);
    return agent ? { agent, instance: this.instances.read(row), sshPort: this.sshPort } : null;
  }

  /** An agent by its name, for what every caller may know of it; null when there is none. */
  async named(slug: string): Promise<Pick<ListedAgent, 'agent' | 'instance' | 'ownerName'> | null> {
    const [row] = await this.db.query<Row>(`${this.select} ${this.tables} where a.slug = $1 limit 1`, [slug]);
    const agent = row && this.agents.read(row);
    return agent ? { agent, instance: this.instances.read(row), ownerName: row.owner } : null;
  }

  /** One agent, if the caller has `right` on it; throws as `Access.agent` does. */
  async get(who: Principal, slug: string, right: Right = 'view'): Promise<FoundAgent> {
    // PostgreSQL refuses NUL in text; no agent is called so.
    if (slug.includes('\0')) throw new NotFound('agent', slug);
    const shared = this.access.sharedWhere(who, 2);
    const row = await this.db.lookUp<Row>(
      `${this.select}, ${shared.sql} as shared, ${hasShares} as has_shares ${this.tables} where a.slug = $1 limit 1`,
      [slug, shared.value],
    );
    const agent = row && this.agents.read(row);
    if (!agent) throw new NotFound('agent', slug);
    const held = this.access.check(who, agent, row.shared, right);
    const place = { instance: this.instances.read(row), sshPort: this.sshPort };
    return { ...listed(who, agent, place, row.owner, held), hasShares: row.has_shares };
  }
}

const hasShares = 'exists (select 1 from agent_shares where agent_id = a.id)';

/** Whoever sees an agent in a list and neither owns it nor administers was given a share, which lets operate. */
const sharedRight = (who: Principal, agent: Agent): Right =>
  agent.ownerId === who.userId || who.role === 'admin' ? 'own' : 'operate';

function listed(
  who: Principal,
  agent: Agent,
  place: Pick<ListedAgent, 'instance' | 'sshPort'>,
  ownerName: string | null,
  right: Right,
): ListedAgent {
  const isOwner = agent.ownerId === who.userId;
  return { agent, ...place, ownerName, right, isOwner, isShared: !isOwner && !includes(right, 'own') };
}
