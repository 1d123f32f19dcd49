import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { includes, rightOn } from '../access/access.rules.js';
import type { Principal, Role } from '../access/principal.js';
import { permissionsOf } from '../accounts/roles.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';

/** One key that opens an agent now. */
export interface SshLogin {
  readonly credentialId: string;
  readonly agentId: string;
  readonly keyType: string;
  readonly blob: Buffer;
  readonly fingerprint: string;
  readonly expiresAt: Date;
  /** Whoever made the credential: what is done over it is done by them. */
  readonly who: Principal;
}

interface Row {
  readonly id: string;
  readonly agent_id: string;
  readonly key_type: string;
  readonly public_key: string;
  readonly fingerprint: string;
  readonly expires_at: Date;
  readonly owner_id: string;
  readonly org_id: string;
  readonly user_id: string;
  readonly username: string;
  readonly email: string | null;
  readonly role: Role;
  readonly personal_org_id: string;
}

const select = `select c.id, c.agent_id, c.key_type, c.public_key, c.fingerprint, c.expires_at, a.owner_id, a.org_id,
    u.id as user_id, u.username, u.email, u.role, u.personal_org_id
  from ssh_credentials c join agents a on a.id = c.agent_id join users u on u.id = c.user_id
  where u.suspended_at is null`;

/** Who may sign in over SSH, and the book of who did. */
@Injectable()
export class SshLogins {
  constructor(
    private readonly db: UnitOfWork,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  /** Every key that opens this agent now. An unknown agent has none, as one that nobody may enter. */
  async of(slug: string): Promise<SshLogin[]> {
    if (slug.includes('\0')) return [];
    const rows = await this.db.query<Row>(`${select} and a.slug = $1 and c.expires_at > $2`, [slug, this.clock.now()]);
    return rows.filter(isOwner).map(loginOf);
  }

  /** Those of these credentials that are still good. */
  async stillGood(credentialIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.db.query<Row>(
      `${select} and c.expires_at > $1 and c.id in (select jsonb_array_elements_text($2::jsonb))`,
      [this.clock.now(), JSON.stringify(credentialIds)],
    );
    return new Set(rows.filter(isOwner).map(({ id }) => id));
  }

  signedIn(login: SshLogin, address: string): Promise<void> {
    return this.note(login, 'ssh.signed_in', { address });
  }

  ended(login: SshLogin, address: string, reason: string, seconds: number): Promise<void> {
    return this.note(login, 'ssh.ended', { address, reason, seconds });
  }

  /** A name is kept only where it is an agent's: people type passwords in its place. */
  async refused(name: string, address: string): Promise<void> {
    const [agent] = await this.db.query<{ id: string }>('select id from agents where slug = $1', [
      name.replaceAll('\0', ''),
    ]);
    const object = agent ? `agent:${agent.id}` : 'agent:unknown';
    await this.db.run((tx) =>
      this.audit.record(tx, { who: null, action: 'ssh.sign_in_refused', object, result: 'refused', data: { address } }),
    );
  }

  private note(login: SshLogin, action: string, more: Readonly<Record<string, unknown>>): Promise<void> {
    const { credentialId, fingerprint, agentId, who } = login;
    const data = { credentialId, fingerprint, ...more };
    return this.db.run((tx) => this.audit.record(tx, { who, action, object: `agent:${agentId}`, data }));
  }
}

/** The right that opens SSH: of those an agent is shared with, none has it. */
const isOwner = (row: Row): boolean => {
  const right = rightOn(whoIs(row), { id: row.agent_id, ownerId: row.owner_id, orgId: row.org_id }, false);
  return right !== null && includes(right, 'own');
};

const loginOf = (row: Row): SshLogin => ({
  credentialId: row.id,
  agentId: row.agent_id,
  keyType: row.key_type,
  blob: Buffer.from(row.public_key, 'base64'),
  fingerprint: row.fingerprint,
  expiresAt: new Date(row.expires_at),
  who: whoIs(row),
});

const whoIs = (row: Row): Principal => ({
  userId: row.user_id,
  username: row.username,
  email: row.email,
  role: row.role,
  orgId: row.personal_org_id,
  orgIds: [row.personal_org_id],
  permissions: permissionsOf[row.role],
  via: { kind: 'system' },
});
