import type { Principal } from '../../core/access/principal.js';
import { Invalid, NotFound } from '../../core/errors/domain-error.js';
import type { Groups } from '../../core/groups/groups.service.js';
import { ownIdOf } from './words.js';

/** How a body names a scope: by id, by name, or by both if they mean the same one; null means none (contract 2.1, 2.4). */
export interface ScopeWish {
  readonly scopeId?: string | null | undefined;
  readonly scope?: string | null | undefined;
}

/** Id of the group a body means; null: none; undefined: it says nothing. Scopes are never made by naming one. */
export async function groupMeant(
  groups: Groups,
  who: Principal,
  { scopeId, scope }: ScopeWish,
): Promise<string | null | undefined> {
  const given = [scopeId, scope].filter((one) => one !== undefined);
  if (given.length === 0) return undefined;
  const named = given.filter((one) => one !== null);
  if (named.length === 0) return null;
  if (named.length < given.length) throw new Invalid('One names a scope, the other none', [], 'group_conflict');
  const id = typeof scopeId === 'string' ? ownIdOf(scopeId) : undefined;
  if (id === null) throw new NotFound('group', 'no such id');
  const group = await groups.resolve(who, {
    ...(id === undefined ? {} : { id }),
    ...(typeof scope === 'string' ? { name: scope } : {}),
  });
  return group?.id ?? null;
}
