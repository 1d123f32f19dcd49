import { readdirSync, readFileSync } from 'node:fs';
import { until } from '../support/until.js';
import type { ChildServer } from './child-server.js';

interface InstanceRow {
  readonly id: string;
  readonly slug: string;
  readonly desired: string;
  readonly state: string;
  readonly reason: string | null;
  readonly ref: string | null;
}

const instancesSql = `select i.id, a.slug, i.desired, i.state, i.reason, i.ref
  from instances i join agents a on a.id = i.agent_id`;

/** What is in between and has nobody who would go on with it: each line is one kind, which is fine for a moment. */
const ownerlessSql = `
  select 'turn of an agent that does not run' as what, t.id, t.state from turns t join instances i on i.id = t.instance_id
    where t.state in ('queued', 'running') and i.state <> 'running'
  union all select 'turn of a runtime that ended', t.id, t.state from turns t
    join generations g on g.instance_id = t.instance_id and g.number = t.generation where t.state = 'running' and g.state = 'ended'
  union all select 'turn that nothing is before', t.id, t.state from turns t where t.state = 'queued'
    and not exists (select 1 from turns r where r.instance_id = t.instance_id and r.state = 'running')
  union all select 'runtime of an agent that does not run', g.instance_id || '/' || g.number, g.state from generations g
    join instances i on i.id = g.instance_id where g.state <> 'ended' and i.state <> 'running'
  union all select 'approval or question of a turn that is over', r.id, r.state from agent_requests r
    join turns t on t.id = r.turn_id where r.state in ('open', 'answering') and t.state not in ('queued', 'running')
  union all select 'run of a schedule whose agent runs', e.id, e.state from schedule_executions e
    join instances i on i.agent_id = e.agent_id where e.state = 'pending' and i.state = 'running'
  union all select 'run of a schedule without its turn', e.id, e.state from schedule_executions e
    where e.state = 'sent' and not exists (select 1 from turns t where t.id = e.id)
  union all select 'first message to an agent that runs', o.agent_id, 'waiting' from openings o
    join instances i on i.agent_id = o.agent_id where i.state = 'running'`;

/** Milliseconds within which nothing may be in between any more (I4). */
const settleMs = 30_000;

/** I4: waits until every instance is what it is wanted to be, or visibly failed, and nothing else waits for nobody. */
export async function untilSettled(server: ChildServer): Promise<void> {
  await until(
    'no instance is in between',
    async () => {
      const rows = await server.sql<InstanceRow>(instancesSql);
      const moving = rows.filter(({ desired, state }) => state !== desired && state !== 'failed');
      return moving.length === 0;
    },
    settleMs,
  ).catch(async (error: unknown) => {
    throw new Error(`I4: ${String(error)}: ${JSON.stringify(await server.sql(instancesSql))}`);
  });
  await until(
    'nothing is in between without an owner',
    async () => (await server.sql(ownerlessSql)).length === 0,
    settleMs,
  ).catch(async (error: unknown) => {
    throw new Error(`I4: ${String(error)}: ${JSON.stringify(await server.sql(ownerlessSql))}`);
  });
}

/** Turns that are neither over nor waiting for a person. */
export function openTurns(server: ChildServer): Promise<{ id: string; state: string; prompt: string }[]> {
  return server.sql(`select t.id, t.state, t.prompt from turns t where t.state in ('queued', 'running')`);
}

/** I2: events of every session are numbered 1..n, stored once each, and every turn begins and ends once. */
export async function expectWholeSessions(server: ChildServer): Promise<void> {
  const holes = await server.sql(
    `select s.id, s.event_seq, count(e.seq) as stored, max(e.seq) as top, min(e.seq) as bottom
     from sessions s left join session_events e on e.session_id = s.id group by s.id, s.event_seq
     having count(e.seq) <> s.event_seq or coalesce(max(e.seq), 0) <> s.event_seq or coalesce(min(e.seq), 1) <> 1`,
  );
  expect({ holes }).toEqual({ holes: [] });
  const doubles = await server.sql(
    `select instance_id, generation, journal_offset, part, count(*) from session_events
     where journal_offset is not null group by 1, 2, 3, 4 having count(*) > 1`,
  );
  expect({ doubles }).toEqual({ doubles: [] });
  const texts = await server.sql(
    `select turn_id, data->>'text' as text, count(*) from session_events where kind = 'agent_message'
     group by 1, 2 having count(*) > 1`,
  );
  expect({ texts }).toEqual({ texts: [] });
  const turns = await server.sql(
    `select t.id, t.state,
       count(*) filter (where e.kind = 'turn_started') as started,
       count(*) filter (where e.kind = 'turn_ended') as ended,
       count(*) filter (where e.kind = 'user_message') as asked
     from turns t left join session_events e on e.turn_id = t.id
     where t.state not in ('queued', 'running') group by t.id, t.state
     having count(*) filter (where e.kind = 'turn_started') > 1
       or count(*) filter (where e.kind = 'turn_ended') <> 1 or count(*) filter (where e.kind = 'user_message') <> 1`,
  );
  expect({ turns }).toEqual({ turns: [] });
}

/** I3: containers (or folders) and rows belong to each other, one to one. */
export async function expectEngineMatches(server: ChildServer): Promise<void> {
  const { instances, volumes } = await server.engine();
  const rows = await server.sql<InstanceRow>(instancesSql);
  const made = rows.filter((row) => row.ref !== null);
  expect(rows.filter(({ state, ref }) => state === 'running' && ref === null)).toEqual([]);
  expect(instances.map((one) => one.instanceId).sort()).toEqual(made.map((row) => row.id).sort());
  expect([...new Set(volumes.map((one) => one.instanceId))].sort()).toEqual(made.map((row) => row.id).sort());
  const phases = Object.fromEntries(instances.map((one) => [one.instanceId, one.phase === 'running']));
  expect(phases).toEqual(Object.fromEntries(made.map((row) => [row.id, row.state === 'running'])));
}

/** I5: no process that belongs to no running instance, at most one hand for each user of an instance. */
export async function expectNoStrayProcesses(server: ChildServer): Promise<void> {
  const [install] = await server.sql<{ value: string }>(
    `select value #>> '{}' as value from settings where key = 'flotilla.install_id'`,
  );
  const rows = await server.sql<InstanceRow>(instancesSql);
  const running = new Set(rows.filter((row) => row.state === 'running').map((row) => row.id));
  await until(
    'no stray process is left',
    () => {
      const found = processesOf(install?.value ?? '');
      const stray = found.filter((one) => !running.has(one.instanceId));
      const hands = new Map<string, number>();
      for (const one of found) if (one.hand) hands.set(one.instanceId, (hands.get(one.instanceId) ?? 0) + 1);
      return stray.length === 0 && [...hands.values()].every((count) => count <= 2);
    },
    10_000,
  ).catch((error: unknown) => {
    throw new Error(`I5: ${String(error)}: ${JSON.stringify(processesOf(install?.value ?? ''))}`);
  });
}

/** I8: what failed says why, in words. */
export async function expectReasons(server: ChildServer): Promise<void> {
  const silent = await server.sql(
    `select id, state from instances where state = 'failed' and coalesce(trim(reason), '') = ''
     union all select id, state from turns where state in ('failed', 'interrupted') and coalesce(trim(error), '') = ''
     union all select id, state from schedule_executions
       where state in ('failed', 'skipped') and coalesce(trim(error), '') = ''`,
  );
  expect({ silent }).toEqual({ silent: [] });
}

export interface Found {
  readonly pid: number;
  readonly instanceId: string;
  readonly hand: boolean;
  readonly command: string;
}

/** Processes of the local engine, found by the mark in their environment. */
export function processesOf(install: string): Found[] {
  const found: Found[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environ = readFileSync(`/proc/${name}/environ`, 'latin1');
      const [, owner, instanceId] = /(?:^|\0)FLOTILLA_INSTANCE=([^/\0]*)\/([^\0]*)/.exec(environ) ?? [];
      if (instanceId === undefined || (install !== '' && owner !== install)) continue;
      if (/^State:\s+[ZX]/m.test(readFileSync(`/proc/${name}/status`, 'latin1'))) continue;
      const command = readFileSync(`/proc/${name}/cmdline`, 'latin1').replaceAll('\0', ' ').slice(0, 80);
      found.push({ pid: Number(name), instanceId, hand: command.startsWith('perl -e'), command });
    } catch {
      continue; // it ended meanwhile
    }
  }
  return found;
}
