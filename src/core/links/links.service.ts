import { Injectable } from '@nestjs/common';
import type { RowReader } from '../../platform/database/row-reader.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Permission, Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { NotFound } from '../errors/domain-error.js';
import type { InstanceState } from '../instances/instance.lifecycle.js';
import { phaseSql } from '../instances/instance.phase.js';
import { Session } from '../sessions/session.entity.js';
import { LinkAddresses } from './link-addresses.js';

/** What the address of an agent leads to. */
export interface AgentLink {
  readonly agent: Agent;
  readonly state: InstanceState;
}

/** What the address of a conversation leads to, and in whose name its visitor acts: with the rights of a guest. */
export interface SessionLink extends AgentLink {
  readonly session: Session;
  readonly who: Principal;
}

interface Row extends Readonly<Record<string, unknown>> {
  readonly state: InstanceState | null;
  readonly username: string;
}

const guestMay: ReadonlySet<Permission> = new Set([
  'sessions:read',
  'sessions:write',
  'approvals:answer',
  'files:write',
]);

/** Opens addresses: what they lead to as it is now, or `NotFound` in the same words whatever the reason. */
@Injectable()
export class Links {
  private readonly agents: RowReader<Agent>;
  private readonly sessions: RowReader<Session>;

  constructor(
    private readonly db: UnitOfWork,
    private readonly addresses: LinkAddresses,
  ) {
    this.agents = db.reader(Agent, 'a');
    this.sessions = db.reader(Session, 's');
  }

  async agent(capability: string): Promise<AgentLink> {
    const id = this.addresses.idIn('agent', capability);
    // Who is refused everywhere gave nobody else access either.
    const [row] = id
      ? await this.db.query<Row>(
          `select ${this.agents.columns}, ${phaseSql('i')} as state, u.username from agents a
           join users u on u.id = a.owner_id and u.suspended_at is null
           left join instances i on i.agent_id = a.id where a.id = $1 limit 1`,
          [id],
        )
      : [];
    const agent = row && this.agents.read(row);
    if (!agent) throw nothing();
    return { agent, state: row.state ?? 'provisioning' };
  }

  async session(capability: string): Promise<SessionLink> {
    const id = this.addresses.idIn('session', capability);
    const link = id && (await this.find(id));
    if (!link) throw nothing();
    return link;
  }

  /** The conversation behind an address that was opened before; null: deleted since, or its user suspended. */
  async find(sessionId: string): Promise<SessionLink | null> {
    const [row] = await this.db.query<Row>(
      `select ${this.agents.columns}, ${this.sessions.columns}, ${phaseSql('i')} as state, u.username from sessions s
       join agents a on a.id = s.agent_id
       join users u on u.id = s.user_id and u.suspended_at is null
       left join instances i on i.id = s.instance_id
       where s.id = $1 and s.purpose = 'chat' and s.status in ('active', 'closed') limit 1`,
      [sessionId],
    );
    const agent = row && this.agents.read(row);
    const session = row && this.sessions.read(row);
    if (!agent || !session) return null;
    return { agent, session, state: row.state ?? 'provisioning', who: guestOf(agent, session, row.username) };
  }
}

/** Acts for the user whose conversation it is, on this one agent only, and with none of their rank. */
function guestOf(agent: Agent, session: Session, username: string): Principal {
  return {
    userId: session.userId,
    username,
    email: null,
    role: 'user',
    orgId: agent.orgId,
    orgIds: [agent.orgId],
    permissions: guestMay,
    via: { kind: 'link', agentId: agent.id, sessionId: session.id },
  };
}

/** The address itself is not repeated: it is a secret. */
const nothing = (): NotFound => new NotFound('page', 'this address leads nowhere, or to what was deleted');
