import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { normalizeEmail } from '../accounts/account.rules.js';
import { User } from '../accounts/user.entity.js';
import { Whitelist } from '../accounts/whitelist.service.js';
import { AgentShare } from '../agents/agent-share.entity.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import type { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Conflict, Invalid, NotFound } from '../errors/domain-error.js';

/** A share, with who gave it. */
export interface GivenShare {
  readonly id: number;
  readonly email: string;
  readonly createdAt: Date;
  /** Number of the user who gave it; 0 when the account is gone. */
  readonly givenByNumber: number;
  /** Their e-mail address, or else their user name. */
  readonly givenBy: string;
}

interface Row {
  readonly id: number;
  readonly email: string;
  readonly created_at: Date | string;
  readonly number: number | null;
  readonly given_by: string | null;
}

/**
 * Lets others see and operate an agent, by their e-mail address. The address needs no account yet: access begins when somebody
 * signs in who has proven that it is theirs, and ends with the share, on the very next request. The address is invited to sign in
 * by e-mail along with it.
 *
 * Announces `agent.shared` and `agent.unshared` with `email` in their data: whoever keeps something open for a caller
 * (terminals, SSH connections) ends it then.
 */
@Injectable()
export class Sharing {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly clock: Clock,
    private readonly audit: Audit,
    private readonly whitelist: Whitelist,
  ) {}

  /** @throws Invalid no address, or one that needs no share; Conflict it has one already */
  share(who: Principal, slug: string, address: string): Promise<GivenShare> {
    return this.db.run(async (tx) => {
      const agent = await this.access.agent(who, { slug }, 'own', tx);
      const email = normalizeEmail(address);
      if (email === null) throw new Invalid('This is not an e-mail address', [], 'malformed_email');
      await requireOther(tx, who, agent, email);
      const agentId = agent.id;
      if (await tx.of(AgentShare).existsBy({ agentId, email })) {
        throw new Conflict(`Agent is already shared with ${email}`, 'already_shared');
      }
      const createdAt = this.clock.now();
      const { id } = await tx.of(AgentShare).save({ agentId, email, sharedById: who.userId, createdAt });
      await this.whitelist.invite(tx, who, email);
      await this.announce(tx, who, agent, { action: 'agent.shared', email });
      const [given] = await givenIn(tx, agentId, id);
      if (!given) throw agentDeleted();
      return given;
    });
  }

  /** @throws NotFound it is not shared with that address */
  async unshare(who: Principal, slug: string, address: string): Promise<void> {
    await this.db.run(async (tx) => {
      const agent = await this.access.agent(who, { slug }, 'own', tx);
      const email = normalizeEmail(address);
      const gone = email === null ? null : await tx.of(AgentShare).delete({ agentId: agent.id, email });
      if (email === null || !gone?.affected) throw new NotFound('share', address);
      await this.announce(tx, who, agent, { action: 'agent.unshared', email });
    });
  }

  /** Whom the agent is shared with, newest first. For its owner. */
  async list(who: Principal, slug: string): Promise<GivenShare[]> {
    const { id } = await this.access.agent(who, { slug }, 'own');
    return this.of(id);
  }

  /** As `list`, for a caller whose right to know has been checked. */
  of(agentId: string): Promise<GivenShare[]> {
    return givenIn(this.db, agentId);
  }

  private async announce(
    tx: Tx,
    who: Principal,
    { id, orgId, slug }: Agent,
    { action, email }: { readonly action: 'agent.shared' | 'agent.unshared'; readonly email: string },
  ): Promise<void> {
    await this.audit.record(tx, { who, action, object: `agent:${id}`, data: { slug, email } });
    await tx.emit({ type: action, orgId, agentId: id, data: { slug, email } });
  }
}

/** Its owner and the caller have every right already; a share would only say something untrue. */
async function requireOther(tx: Tx, who: Principal, agent: Agent, email: string): Promise<void> {
  const people = await tx.of(User).findBy([{ id: who.userId }, { id: agent.ownerId }]);
  const match = people.find((user) => user.email === email || user.username === email);
  if (!match) return;
  const self = match.id === who.userId;
  throw new Invalid(
    self ? 'You cannot share an agent with yourself' : 'The agent belongs to that address already',
    [],
    'shared_with_owner',
  );
}

async function givenIn(db: Pick<Tx, 'query'>, agentId: string, id: number | null = null): Promise<GivenShare[]> {
  const rows = await db.query<Row>(
    `select s.id, s.email, s.created_at, u.number, case when u.email_proven_at is null then u.username else u.email end as given_by
     from agent_shares s left join users u on u.id = s.shared_by_id
     where s.agent_id = $1 and ($2::int is null or s.id = $2) order by s.id desc`,
    [agentId, id],
  );
  return rows.map((row) => ({
    id: row.id,
    email: row.email,
    createdAt: new Date(row.created_at),
    givenByNumber: row.number ?? 0,
    givenBy: row.given_by ?? '',
  }));
}
