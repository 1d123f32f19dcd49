import type { Tx } from '../../platform/database/unit-of-work.js';
import { boundTo, type Principal } from '../access/principal.js';
import { Forbidden, Invalid } from '../errors/domain-error.js';

export const longestGroupName = 50;

export function groupNameOf(given: string): string {
  const name = given.trim();
  const { length } = Array.from(name);
  if (length < 1 || length > longestGroupName || /[\p{Cc}\p{Surrogate}]/u.test(name)) {
    const message = `A name has 1 to ${longestGroupName} characters and no control characters`;
    throw new Invalid(message, [{ field: 'name', message }], 'invalid_name');
  }
  return name;
}

/** Names that differ in letter case only are one. */
export const nameKeyOf = (name: string): string => name.normalize('NFC').toLowerCase();

/** Groups and secrets are for people of the organisation: an agent's own key neither sees nor changes them. */
export function requireKeeper(who: Principal): void {
  if (boundTo(who) !== null) {
    throw new Forbidden("An agent's own key has no access to groups and secrets", 'agent_key');
  }
  if (!who.orgIds.includes(who.orgId)) throw new Forbidden('You are no member of this organisation');
}

/** One at a time among those who change what belongs to an organisation. */
export async function lockLevel(tx: Tx, orgId: string): Promise<void> {
  await tx.query('select id from organisations where id = $1 for update', [orgId]);
}

/** PostgreSQL refuses NUL in text; nothing is called so. */
export const storable = (text: string): boolean => !text.includes('\0');
