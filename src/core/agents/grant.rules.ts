/**
 * SQL: may agent `s` call agent `t`? What was decided for the two, else whether one account owns both. It holds only as long as
 * the owner of `s` could do it in person: a share that ends takes it along. Needs `s` and `t` as aliases of `agents`.
 */
export const mayCall = `(
  coalesce((select g.allowed from agent_grants g where g.source_id = s.id and g.target_id = t.id), t.owner_id = s.owner_id)
  and (t.owner_id = s.owner_id or exists (
    select 1 from users u where u.id = s.owner_id
    and (u.role = 'admin' or (u.email_proven_at is not null
      and exists (select 1 from agent_shares h where h.agent_id = t.id and h.email = lower(u.email)))))))`;

/** Could this be an agent's name at all? Anything else is unknown, and never reaches the database. */
export const isSlug = (text: string): boolean => /^[a-z0-9_.-]{1,63}$/.test(text);
