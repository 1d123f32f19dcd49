import { Injectable } from '@nestjs/common';
import { IsNull, Not } from 'typeorm';
import type { Tx } from '../../platform/database/unit-of-work.js';
import type { Principal, Role } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Conflict, NotFound } from '../errors/domain-error.js';
import { User } from './user.entity.js';
import { UsersService } from './users.service.js';

/** Who a proven address belongs to. A proof always wins over a claim, so an address cannot be squatted. */
@Injectable()
export class EmailAccounts {
  constructor(
    private readonly users: UsersService,
    private readonly clock: Clock,
    private readonly audit: Audit,
  ) {}

  /** The account of whoever just proved to read `email`; made when there is none yet. */
  async of(tx: Tx, email: string, role: Role): Promise<User> {
    const known = await tx.of(User).findOneBy({ email, emailProvenAt: Not(IsNull()) });
    if (known) return known;
    await this.dropClaims(tx, email);
    const former = await tx.of(User).findOneBy({ username: email });
    // Made by an earlier proof of the same address, which its holder left for one they never proved.
    if (former?.passwordHash === null && former.emailProvenAt === null) return this.own(tx, former, email);
    const username = former ? await freeName(tx, email) : email;
    if (username === email) return this.users.create(tx, { username, email, passwordHash: null, role });
    const made = await this.users.create(tx, { username, email: null, passwordHash: null, role });
    return this.own(tx, made, email);
  }

  /** Makes a proven address the caller's own. @throws Conflict somebody else has proven it */
  async prove(tx: Tx, who: Principal, email: string): Promise<User> {
    const user = await tx.lock(User, { id: who.userId });
    if (!user) throw new NotFound('user', who.username);
    const holder = await tx.of(User).findOneBy({ email, emailProvenAt: Not(IsNull()) });
    if (holder && holder.id !== user.id) throw new Conflict('This e-mail address is already in use', 'email_taken');
    if (user.email !== email) await this.dropClaims(tx, email);
    const data = { email, proven: true };
    await this.audit.record(tx, { who, action: 'user.email_changed', object: `user:${user.id}`, data });
    return this.own(tx, user, email);
  }

  private own(tx: Tx, user: User, email: string): Promise<User> {
    return tx.of(User).save(Object.assign(user, { email, emailProvenAt: this.clock.now() }));
  }

  private async dropClaims(tx: Tx, email: string): Promise<void> {
    const claims = await tx.of(User).findBy({ email, emailProvenAt: IsNull() });
    for (const { id } of claims) {
      await tx.of(User).update({ id }, { email: null });
      await this.audit.record(tx, { who: null, action: 'user.email_claim_dropped', object: `user:${id}` });
    }
  }
}

/** `ada@example.com-2`: the name is taken by somebody who has moved on to another address. */
async function freeName(tx: Tx, email: string): Promise<string> {
  for (let number = 2; ; number++) {
    const name = `${email}-${number}`;
    if (!(await tx.of(User).existsBy({ username: name }))) return name;
  }
}
