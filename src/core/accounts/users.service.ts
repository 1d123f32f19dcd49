import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { In, Not } from 'typeorm';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { type Principal, type Role, roles } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Conflict, Invalid, NotFound } from '../errors/domain-error.js';
import { emailOf } from './account.rules.js';
import { Membership } from './membership.entity.js';
import { Organisation } from './organisation.entity.js';
import { requireAdmin } from './roles.js';
import { User } from './user.entity.js';

export interface NewUser {
  readonly username: string;
  readonly email: string | null;
  readonly passwordHash: string | null;
  readonly role: Role;
}

/** The people who can sign in. */
@Injectable()
export class UsersService {
  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly audit: Audit,
  ) {}

  async me(who: Principal): Promise<User> {
    const user = await this.db.of(User).findOneBy({ id: who.userId });
    if (!user) throw new NotFound('user', who.username);
    return user;
  }

  /** Everybody, oldest first. For administrators. */
  list(who: Principal): Promise<User[]> {
    requireAdmin(who);
    return this.db.of(User).find({ order: { createdAt: 'ASC', id: 'ASC' } });
  }

  /** Proven e-mail addresses by user id, for showing who said what. */
  async emailsOf(ids: readonly string[]): Promise<ReadonlyMap<string, string | null>> {
    const users = await this.db.of(User).findBy({ id: In([...new Set(ids)]) });
    return new Map(users.map((user) => [user.id, user.emailProvenAt && user.email]));
  }

  /** Makes a user with a personal organisation of their own. */
  async create(tx: Tx, user: NewUser): Promise<User> {
    const email = user.email === null ? null : emailOf(user.email);
    if (await tx.of(User).existsBy({ username: user.username }))
      throw new Conflict('User name is taken', 'username_taken');
    if (email !== null) await this.assertFree(tx, email);

    const now = this.clock.now();
    const id = randomUUID();
    const orgId = randomUUID();
    await tx.of(Organisation).insert({ id: orgId, name: user.username, kind: 'personal', createdAt: now });
    await tx.of(Membership).insert({ orgId, userId: id, role: 'admin' });
    return tx.of(User).save({
      ...user,
      id,
      email,
      emailProvenAt: email === null ? null : now,
      name: null,
      picture: null,
      personalOrgId: orgId,
      createdAt: now,
      lastLoginAt: null,
      suspendedAt: null,
      passwordChangedAt: user.passwordHash === null ? null : now,
    });
  }

  /**
   * Acts at once: roles are read on every request.
   * @throws Invalid the caller's own role, or no such role; NotFound; Conflict no administrator would be left
   */
  setRole(who: Principal, username: string, role: string): Promise<User> {
    requireAdmin(who);
    if (username === who.username) throw new Invalid('You cannot change your own role', [], 'own_role');
    const wanted = roles.find((name) => name === role);
    if (!wanted) throw new Invalid(`Role must be one of: ${roles.join(', ')}`, [], 'unknown_role');

    return this.db.run(async (tx) => {
      const admins = await this.lockAdmins(tx);
      const user = username.includes('\0') ? null : await tx.of(User).findOneBy({ username });
      if (!user) throw new NotFound('user', username);
      // Two administrators who demote each other at the same moment meet at the lock.
      if (wanted !== 'admin' && admins.length === 1 && admins[0]?.id === user.id) {
        throw new Conflict('The last administrator cannot be given another role', 'last_admin');
      }
      const data = { from: user.role, to: wanted };
      await this.audit.record(tx, { who, action: 'user.role_changed', object: `user:${user.id}`, data });
      return tx.of(User).save(Object.assign(user, { role: wanted }));
    });
  }

  /**
   * Another address is a claim until it is proven: what was shared with it stays out of reach, so that nobody gets at it by typing.
   * @throws Invalid no address; Conflict it belongs to somebody else
   */
  setEmail(who: Principal, text: string): Promise<User> {
    const email = emailOf(text);
    return this.db.run(async (tx) => {
      const user = await tx.lock(User, { id: who.userId });
      if (!user) throw new NotFound('user', who.username);
      await this.assertFree(tx, email, user.id);
      await this.audit.record(tx, { who, action: 'user.email_changed', object: `user:${user.id}`, data: { email } });
      const emailProvenAt = user.email === email ? user.emailProvenAt : null;
      return tx.of(User).save(Object.assign(user, { email, emailProvenAt }));
    });
  }

  /** Older logins of the user end with this. */
  async setPasswordHash(tx: Tx, userId: string, passwordHash: string): Promise<void> {
    await tx.of(User).update({ id: userId }, { passwordHash, passwordChangedAt: this.clock.now() });
    await this.audit.record(tx, { who: null, action: 'user.password_changed', object: `user:${userId}` });
  }

  private lockAdmins(tx: Tx): Promise<{ id: string }[]> {
    return tx.query<{ id: string }>(
      `select id from users where role = 'admin' and suspended_at is null order by id for update`,
    );
  }

  /** A user name may look like an address, and both are accepted at sign-in: so it must differ from all of both. */
  private async assertFree(tx: Tx, email: string, except = ''): Promise<void> {
    const taken = await tx.of(User).existsBy([
      { email, id: Not(except) },
      { username: email, id: Not(except) },
    ]);
    if (taken) throw new Conflict('This e-mail address is already in use', 'email_taken');
  }
}
