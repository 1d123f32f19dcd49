import { randomBytes, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Secret } from '../credentials/secret.js';
import { Invalid, NotFound } from '../errors/domain-error.js';
import { digest } from './account.rules.js';
import { ApiKey, type KeyScope } from './api-key.entity.js';
import { credentialRulesOf } from './key-formats.js';
import { KeyUsage } from './key-usage.js';
import { User } from './user.entity.js';

export interface NewKey {
  readonly dialect: string;
  readonly label: string;
  readonly description?: string | null;
  /** Default: everything the user's role allows. */
  readonly scopes?: readonly KeyScope[];
}

/** For whom a key acts, where what it makes goes, and the one agent it is good for, if any. */
export interface KeyHolder {
  readonly userId: string;
  readonly orgId: string;
  readonly agentId: string | null;
}

/** A new key; the only moment its value is known. */
export interface IssuedKey {
  readonly key: ApiKey;
  readonly value: Secret;
}

/** What a key is made of. */
interface Made {
  readonly id: string;
  readonly random: Buffer;
}

const secretBytes = 32;
const newlyMade = (): Made => ({ id: randomUUID(), random: randomBytes(secretBytes) });

/** API keys: long-lived credentials that act for the user who made them. Callers see and change their own only. */
@Injectable()
export class ApiKeysService {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly usage: KeyUsage,
    private readonly audit: Audit,
  ) {}

  create(who: Principal, wanted: NewKey): Promise<IssuedKey> {
    return this.db.run((tx) => this.issueTo(tx, who, wanted));
  }

  /** A key for any holder, inside the caller's unit of work: an agent's own key is made together with the agent. */
  async issue(tx: Tx, holder: KeyHolder, wanted: NewKey, made: Made = newlyMade()): Promise<IssuedKey> {
    const value = this.valueOf(wanted.dialect, made.random);
    const { shown } = credentialRulesOf(wanted.dialect);
    const key = await tx.of(ApiKey).save({
      ...holder,
      id: made.id,
      dialect: wanted.dialect,
      label: wanted.label,
      description: wanted.description ?? null,
      prefix: value.slice(0, shown),
      hash: digest(value),
      scopes: [...(wanted.scopes ?? ['*' as const])],
      createdAt: this.clock.now(),
      lastUsedAt: null,
      usageCount: 0,
      revokedAt: null,
    });
    return { key, value: new Secret(value) };
  }

  /** The key that a dialect makes of 32 bytes. */
  valueOf(dialect: string, random: Buffer): string {
    const { keyPrefix } = credentialRulesOf(dialect);
    if (keyPrefix === null) throw new Invalid(`The ${dialect} API has no keys`, [], 'no_keys');
    return keyPrefix + random.toString('base64url');
  }

  /** A first key for somebody who has none that works; null when they have one. */
  ensureDefault(who: Principal, dialect: string): Promise<IssuedKey | null> {
    return this.db.run(async (tx) => {
      // Two calls at once meet at the user's row, and make one key.
      await tx.lock(User, { id: who.userId });
      const own = { userId: who.userId, dialect, agentId: IsNull(), revokedAt: IsNull() };
      if (await tx.of(ApiKey).existsBy(own)) return null;
      return this.issueTo(tx, who, { dialect, label: 'Default key' });
    });
  }

  /** Newest first, with uses counted up to now. */
  async list(who: Principal, dialect: string): Promise<ApiKey[]> {
    await this.usage.flush();
    return this.db.of(ApiKey).find({ where: { userId: who.userId, dialect }, order: { createdAt: 'DESC', id: 'ASC' } });
  }

  async get(who: Principal, dialect: string, id: string): Promise<ApiKey> {
    await this.usage.flush();
    const key = isId(id) ? await this.db.of(ApiKey).findOneBy({ id, userId: who.userId, dialect }) : null;
    if (!key) throw new NotFound('key', id);
    return key;
  }

  /** Refused from the next request on; the row stays, so that its uses can still be read. */
  async revoke(who: Principal, dialect: string, id: string): Promise<ApiKey> {
    const key = await this.get(who, dialect, id);
    if (key.revokedAt) return key;
    const revokedAt = this.clock.now();
    await this.db.run(async (tx) => {
      await tx.of(ApiKey).update({ id: key.id }, { revokedAt });
      await this.audit.record(tx, { who, action: 'api_key.revoked', object: `api_key:${key.id}` });
    });
    return Object.assign(key, { revokedAt });
  }

  async delete(who: Principal, dialect: string, id: string): Promise<void> {
    const key = await this.get(who, dialect, id);
    await this.db.run(async (tx) => {
      await tx.of(ApiKey).delete({ id: key.id });
      await this.audit.record(tx, { who, action: 'api_key.deleted', object: `api_key:${key.id}` });
    });
  }

  /** Keys end with their agent: call it in the unit of work that deletes the agent. */
  async revokeForAgent(tx: Tx, agentId: string): Promise<void> {
    await tx.of(ApiKey).update({ agentId, revokedAt: IsNull() }, { revokedAt: this.clock.now() });
  }

  /**
   * What a key value stands for, if it works in this dialect; counts as no use.
   * @returns null for anything else
   */
  async inspect(value: string, dialect: string): Promise<{ readonly key: ApiKey; readonly user: User } | null> {
    const key = await this.db.of(ApiKey).findOneBy({ hash: digest(value), dialect, revokedAt: IsNull() });
    // An agent's key ends with its agent.
    if (key?.agentId && !(await this.agentExists(key.agentId))) return null;
    const user = key && (await this.db.of(User).findOneBy({ id: key.userId, suspendedAt: IsNull() }));
    return user ? { key, user } : null;
  }

  private async agentExists(id: string): Promise<boolean> {
    return (await this.db.query('select 1 from agents where id = $1', [id])).length > 0;
  }

  private async issueTo(tx: Tx, who: Principal, wanted: NewKey): Promise<IssuedKey> {
    const issued = await this.issue(tx, { userId: who.userId, orgId: who.orgId, agentId: null }, wanted);
    await this.audit.record(tx, { who, action: 'api_key.created', object: `api_key:${issued.key.id}` });
    return issued;
  }
}

const isId = (text: string): boolean => /^[0-9a-f-]{36}$/.test(text);
