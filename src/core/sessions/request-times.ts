/**
 * How long a turn has waited for people, as SQL: what it asks at the same time counts once. That time is theirs, and none
 * of what the turn is allowed.
 * @param turnId what stands for the id of the turn in the query
 * @param now what stands for the time of the look
 */
export const waitedForPeople = (turnId: string, now: string): string =>
  `coalesce((select sum(upper(span) - lower(span)) from unnest((
     select range_agg(tstzrange(r.created_at, greatest(r.created_at, coalesce(r.answered_at, ${now}))))
     from agent_requests r where r.turn_id = ${turnId})) as span), interval '0')`;
