import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import type { Secret } from '../credentials/secret.js';
import { Conflict, NotFound } from '../errors/domain-error.js';
import { emailOf, normalizeEmail } from './account.rules.js';
import { EmailCodes } from './email-codes.js';
import { WhitelistedEmail } from './email-whitelist.entity.js';
import { requireAdmin } from './roles.js';

/** An entry, with who made it. */
export interface ListedEmail extends WhitelistedEmail {
  readonly addedBy: string | null;
}

/** Whose addresses may be used to sign in by e-mail. Taking one off ends no account and no login, only that way in. */
@Injectable()
export class Whitelist {
  constructor(
    private readonly config: Config,
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly audit: Audit,
    private readonly codes: EmailCodes,
  ) {}

  /** Newest first. For administrators. */
  async list(who: Principal): Promise<ListedEmail[]> {
    requireAdmin(who);
    const entries = await this.db.of(WhitelistedEmail).find({ order: { id: 'DESC' } });
    const names = await this.db.query<{ id: string; username: string }>(
      'select id, username from users where id in (select added_by_id from email_whitelist)',
    );
    const nameOf = (userId: string | null) => names.find(({ id }) => id === userId)?.username ?? null;
    return entries.map((entry) => Object.assign(entry, { addedBy: nameOf(entry.addedById) }));
  }

  /** @throws Invalid no address; Conflict it is there already */
  async add(who: Principal, address: string): Promise<string> {
    requireAdmin(who);
    const email = emailOf(address);
    const added = await this.db.run((tx) => this.insert(tx, who, { email, source: 'manual' }));
    if (!added) throw new Conflict(`${email} is on the whitelist already`, 'already_whitelisted');
    return email;
  }

  /** Codes that are under way count no more. @throws NotFound it is not there */
  async remove(who: Principal, address: string): Promise<string> {
    requireAdmin(who);
    const email = normalizeEmail(address);
    if (email === null) throw new NotFound('whitelisted_email', address);
    await this.db.run(async (tx) => {
      const { affected } = await tx.of(WhitelistedEmail).delete({ email });
      if (!affected) throw new NotFound('whitelisted_email', address);
      await this.codes.forget(tx, email);
      await this.audit.record(tx, { who, action: 'whitelist.removed', object: `email:${email}` });
    });
    return email;
  }

  /** Invites somebody along with something that is given to them. Does nothing where nobody signs in by e-mail. */
  async invite(tx: Tx, who: Principal, email: string): Promise<void> {
    if (this.config.emailSignIn) await this.insert(tx, who, { email, source: 'agent_sharing' });
  }

  /** A new sign-in code, if the address is on the list. */
  async codeFor(tx: Tx, email: string): Promise<Secret | null> {
    const listed = await tx.of(WhitelistedEmail).existsBy({ email });
    return listed ? this.codes.issue(tx, email) : null;
  }

  /** The entry of an address whose code is good, which is used up by this; null: it is not, or the address is off the list. */
  async redeem(tx: Tx, email: string, code: string): Promise<WhitelistedEmail | null> {
    const entry = await tx.of(WhitelistedEmail).findOneBy({ email });
    return entry && (await this.codes.redeem(tx, email, code)) ? entry : null;
  }

  private async insert(
    tx: Tx,
    who: Principal,
    { email, source }: { readonly email: string; readonly source: string },
  ): Promise<boolean> {
    const made = await tx.query(
      `insert into email_whitelist (email, added_by_id, added_at, source, default_role) values ($1, $2, $3, $4, 'user')
       on conflict (email) do nothing returning id`,
      [email, who.userId, this.clock.now(), source],
    );
    if (made.length === 0) return false;
    await this.audit.record(tx, { who, action: 'whitelist.added', object: `email:${email}`, data: { source } });
    return true;
  }
}
