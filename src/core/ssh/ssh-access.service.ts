import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import type { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Secret } from '../credentials/secret.js';
import { Invalid, LimitReached, NotFound } from '../errors/domain-error.js';
import { SshCredential } from './ssh-credential.entity.js';
import { newKeyPair, publicKeyOf } from './ssh-key.rules.js';

export interface SshWish {
  /** One line; null: a pair is made, and its private half is in the answer and nowhere else. */
  readonly publicKey: string | null;
  /** Clamped to 0.1..24. */
  readonly hours: number;
}

export interface GrantedSsh {
  readonly agent: Agent;
  readonly credential: SshCredential;
  readonly hours: number;
  readonly privateKey: Secret | null;
}

export interface ListedSsh {
  readonly credential: SshCredential;
  /** Null when the account is gone. */
  readonly createdBy: string | null;
}

const hourMs = 3_600_000;
const mostPerAgent = 50;

/** Which keys open which agent over SSH, until when. Nothing of it is written into a container. */
@Injectable()
export class SshAccess {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  /** @throws Invalid a bad key, or the agent does not run; LimitReached */
  async grant(who: Principal, slug: string, wish: SshWish): Promise<GrantedSsh> {
    const { id: agentId } = await this.access.agent(who, { slug }, 'own');
    const made = wish.publicKey === null ? newKeyPair(`flotilla-${slug}`) : null;
    const key = publicKeyOf(made?.publicKey ?? wish.publicKey ?? '');
    const hours = Math.min(24, Math.max(0.1, wish.hours));
    const createdAt = this.clock.now();
    return this.db.run(async (tx) => {
      const agent = await this.access.agent(who, { id: agentId }, 'own', tx);
      await this.requireRunning(tx, agent);
      await tx.query('delete from ssh_credentials where expires_at <= $1', [createdAt]);
      if ((await tx.of(SshCredential).countBy({ agentId })) >= mostPerAgent) {
        throw new LimitReached(`An agent has at most ${mostPerAgent} SSH credentials: revoke one`, 'too_many_ssh_keys');
      }
      const credential = await tx.of(SshCredential).save({
        id: randomUUID(),
        agentId,
        userId: who.userId,
        keyType: key.type,
        publicKey: key.blob.toString('base64'),
        fingerprint: key.fingerprint,
        createdAt,
        expiresAt: new Date(createdAt.getTime() + Math.round(hours * hourMs)),
      });
      await this.record(tx, who, 'ssh.granted', credential);
      return { agent, credential, hours, privateKey: made && new Secret(made.privateKey) };
    });
  }

  /** Those that are good now, newest first. */
  async list(who: Principal, slug: string): Promise<ListedSsh[]> {
    const { id: agentId } = await this.access.agent(who, { slug }, 'own');
    const now = this.clock.now();
    const found = await this.db.of(SshCredential).find({ where: { agentId }, order: { createdAt: 'DESC', id: 'ASC' } });
    const names = await this.db.query<{ id: string; username: string }>(
      'select id, username from users where id in (select jsonb_array_elements_text($1::jsonb))',
      [JSON.stringify(found.map(({ userId }) => userId))],
    );
    const nameOf = new Map(names.map(({ id, username }) => [id, username]));
    return found
      .filter(({ expiresAt }) => expiresAt > now)
      .map((credential) => ({ credential, createdBy: nameOf.get(credential.userId) ?? null }));
  }

  /** Its connections end with it, on every server. */
  async revoke(who: Principal, slug: string, id: string): Promise<void> {
    const { id: agentId, orgId } = await this.access.agent(who, { slug }, 'own');
    await this.db.run(async (tx) => {
      const credential = id.includes('\0') ? null : await tx.lock(SshCredential, { id, agentId });
      if (!credential) throw new NotFound('ssh_credential', id);
      await tx.of(SshCredential).delete({ id });
      await this.record(tx, who, 'ssh.revoked', credential);
      await tx.emit({ type: 'ssh.revoked', orgId, agentId, data: { credentialId: id } });
    });
  }

  private async requireRunning(tx: Tx, { id, slug }: Agent): Promise<void> {
    const [instance] = await tx.query<{ state: string; desired: string }>(
      'select state, desired from instances where agent_id = $1',
      [id],
    );
    if (!instance) throw agentDeleted();
    if (instance.state === 'running' && instance.desired === 'running') return;
    throw new Invalid(`Agent must be running to open SSH access: start ${slug} first`, [], 'agent_not_running');
  }

  private record(tx: Tx, who: Principal, action: string, credential: SshCredential): Promise<void> {
    const { id, agentId, fingerprint, keyType, expiresAt } = credential;
    const data = { credentialId: id, fingerprint, keyType, expiresAt: expiresAt.toISOString() };
    return this.audit.record(tx, { who, action, object: `agent:${agentId}`, data });
  }
}
