import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Permission, Principal, Role } from '../access/principal.js';
import type { KeyScope } from './api-key.entity.js';
import { credentialRulesOf } from './key-formats.js';
import { PrincipalCache } from './principal-cache.js';
import { permissionsOf } from './roles.js';

interface UserRow {
  readonly id: string;
  readonly username: string;
  readonly email: string | null;
  readonly role: Role;
  readonly personal_org_id: string;
  readonly password_changed_at: Date | string | null;
  readonly org_ids: readonly string[];
}

interface KeyRow extends UserRow {
  readonly key_id: string;
  readonly dialect: string;
  readonly key_org_id: string;
  readonly agent_id: string | null;
  readonly scopes: readonly KeyScope[];
}

/** A login as its token names it. */
export interface Login {
  readonly username: string;
  readonly jti: string;
  readonly expiresAt: Date;
}

// An address that was merely typed in counts for nothing: shares are given to addresses.
const userColumns = `u.id, u.username, case when u.email_proven_at is null then null else u.email end as email, u.role, u.personal_org_id, u.password_changed_at,
  coalesce((select jsonb_agg(m.org_id) from memberships m where m.user_id = u.id), '[]') as org_ids`;

/**
 * A new login id. It names the password it was made under (by when that was set), so that the id and the user's row
 * together tell whether the login still counts.
 */
export function newLoginId(passwordChangedAt: Date | string | null): string {
  return `${versionOf(passwordChangedAt)}.${randomUUID()}`;
}

const versionOf = (changedAt: Date | string | null): string =>
  changedAt === null ? '0' : new Date(changedAt).getTime().toString(36);

/**
 * Reads who is calling from the database, so that every change acts at once and on every replica: one query each time, or
 * none while the embedded database has announced no change.
 */
@Injectable()
export class Principals {
  constructor(
    private readonly db: UnitOfWork,
    private readonly cache: PrincipalCache,
  ) {}

  /** null: no such user, suspended, signed out, or the password was changed since. */
  byLogin(login: Login): Promise<Principal | null> {
    const name = JSON.stringify(['login', login.username, login.jti, login.expiresAt.getTime()]);
    return this.cache.get(name, () => this.readLogin(login));
  }

  private async readLogin(login: Login): Promise<Principal | null> {
    const user = await this.db.lookUp<UserRow>(
      `select ${userColumns} from users u
       where u.username = $1 and u.suspended_at is null
         and not exists (select 1 from revoked_logins r where r.jti = $2)`,
      [login.username, login.jti],
    );
    if (!user || !login.jti.startsWith(`${versionOf(user.password_changed_at)}.`)) return null;
    return {
      ...personOf(user),
      orgId: user.personal_org_id,
      permissions: permissionsOf[user.role],
      via: { kind: 'login', jti: login.jti, expiresAt: login.expiresAt },
    };
  }

  /** null: no such key in this dialect, revoked, its user suspended, or the agent it was made for gone. */
  byKeyHash(hash: string, dialect: string): Promise<Principal | null> {
    const name = JSON.stringify(['key', hash, dialect]);
    return this.cache.get(name, () => this.byKey('k.hash = $1 and k.dialect = $2', [hash, dialect]));
  }

  byKeyId(id: string): Promise<Principal | null> {
    return this.cache.get(JSON.stringify(['key', id]), () => this.byKey('k.id = $1', [id]));
  }

  private async byKey(condition: string, values: readonly unknown[]): Promise<Principal | null> {
    const row = await this.db.lookUp<KeyRow>(
      `select ${userColumns}, k.id as key_id, k.dialect, k.org_id as key_org_id, k.agent_id, k.scopes
       from api_keys k join users u on u.id = k.user_id
       where ${condition} and k.revoked_at is null and u.suspended_at is null
         and (k.agent_id is null or exists (select 1 from agents a where a.id = k.agent_id))`,
      values,
    );
    if (!row) return null;
    const within = credentialRulesOf(row.dialect).bound ? { within: row.key_org_id } : {};
    const person = { ...personOf(row), ...within };
    const via = { kind: 'key', keyId: row.key_id, agentId: row.agent_id } as const;
    const granted = grantedBy(row.scopes, permissionsOf[row.role]);
    if (row.agent_id === null) return { ...person, orgId: row.key_org_id, permissions: granted, via };

    // A key that lives inside an agent never carries its owner's rank: no administration, no account.
    const forAgent = new Set([...granted].filter((name) => name !== 'admin' && name !== 'account'));
    return { ...person, role: 'user', orgId: row.key_org_id, permissions: forAgent, via };
  }
}

function personOf(user: UserRow): Pick<Principal, 'userId' | 'username' | 'email' | 'role' | 'orgIds'> {
  return { userId: user.id, username: user.username, email: user.email, role: user.role, orgIds: user.org_ids };
}

function grantedBy(scopes: readonly KeyScope[], allowed: ReadonlySet<Permission>): ReadonlySet<Permission> {
  if (scopes.includes('*')) return allowed;
  return new Set([...allowed].filter((name) => scopes.includes(name)));
}
