import type { Client } from 'pg';

/** Reference: what a list of agents shows, read by one statement over one connection. */
export async function rowsOfAgents(pg: Client, tag?: string, page?: number): Promise<unknown[]> {
  const { rows } = await pg.query(
    `select a.*, i.state, i.ref, i.image, i.reason, u.username from agents a
     left join instances i on i.agent_id = a.id left join users u on u.id = a.owner_id
     ${tag === undefined ? '' : 'where a.tags ? $1'} order by a.created_at desc, a.slug
     ${page === undefined ? '' : `limit ${page}`}`,
    tag === undefined ? [] : [tag],
  );
  return rows as unknown[];
}
