import { bootFleet, type Fleet } from '../support/fleet.js';
import { consoleRows, expectedByConsole } from './expected/console.js';
import { expectedByHosted, hostedRows } from './expected/hostedagents.js';
import { expectedByTalk, talkRows } from './expected/talk.js';
import { expectedByTrinity, trinityRows } from './expected/trinity.js';
import { isAboutOne, type Role, roles, type Row, type Target, targets } from './expected/words.js';
import { bodies, queries } from './support/matrix-inputs.js';
import { addressOf, assembleCast, type Cast, unknownId } from './support/cast.js';
import { type Operation, operationsOf } from './support/operations.js';
import { type Known, namesFor, pathOf } from './support/paths.js';
import { newThing, place, remove, type Thing } from './support/things.js';

/** Every dialect with its table. A new one is a line here and a file in `expected/`. */
const tables = {
  trinity: { mount: '/~trinity', rows: trinityRows, expected: expectedByTrinity },
  hostedagents: { mount: '/~hostedagents', rows: hostedRows, expected: expectedByHosted },
  console: { mount: '/~console', rows: consoleRows, expected: expectedByConsole },
  talk: { mount: '/~talk', rows: talkRows, expected: expectedByTalk },
} as const;
type Dialect = keyof typeof tables;

/** Things of each kind; the unknown ones never were. */
const things: Readonly<Record<Target, Thing>> = {
  own: newThing('matrix-own'),
  foreign: newThing('matrix-foreign'),
  unknown: newThing('matrix-unknown'),
  deleted: newThing('matrix-deleted'),
};
const settingKey = 'matrix.setting';

/** Their effect would be in the way of what comes next. */
const starts = new Set([
  'POST /api/agents',
  'POST /api/agents/{name}/start',
  'POST /api/v1/agents',
  'POST /api/v1/agents/{agentId}/start',
  'POST /api/v1/agents/{agentId}/restart',
]);

/** Is it called with a token of the Hosted Agents API? People call it with a sign-in where they manage tokens. */
const byHostedToken = ({ dialect, name }: Operation, role: Role): boolean =>
  dialect === 'hostedagents' && (!hostedRows[name]?.login || role.endsWith('_key'));

describe('who may call what', () => {
  let fleet: Fleet;
  let cast: Cast;
  let keyIds: Readonly<Record<Target, string>>;
  let tokenIds: Readonly<Record<Target, string>>;
  beforeAll(async () => {
    fleet = await bootFleet({ env: { FLOTILLA_SSH_PORT: '0' } });
    cast = await assembleCast(fleet, things.own.agentId);
    await restore();
    await place(fleet.db, things.deleted, cast.user('owner'), addressOf('shared'));
    await remove(fleet.db, things.deleted);
  }, 180_000);
  afterAll(() => fleet.close());

  /** Everything as it was, whatever a call changed. */
  async function restore(): Promise<void> {
    await cast.restore();
    await place(fleet.db, things.own, cast.user('owner'), addressOf('shared'));
    await place(fleet.db, things.foreign, cast.user('outsider'), addressOf('friend'));
    await fleet.admin.put(`/api/settings/${settingKey}`, { value: 'kept' });
    keyIds = await keysFor('trinity');
    tokenIds = await keysFor('hostedagents');
  }

  async function keysFor(dialect: string): Promise<Record<Target, string>> {
    const { key: own } = await cast.keyOf('owner', { dialect });
    const { key: foreign } = await cast.keyOf('outsider', { dialect });
    const { key: deleted } = await cast.keyOf('owner', { dialect });
    await fleet.db.query('delete from api_keys where id = $1', [deleted.id]);
    return { own: own.id, foreign: foreign.id, unknown: unknownId, deleted: deleted.id };
  }

  const knownOf = (target: Target): Known => ({
    thing: things[target],
    keyId: keyIds[target],
    tokenId: tokenIds[target],
    email: addressOf(target === 'foreign' ? 'friend' : 'shared'),
    username: 'stranger',
    settingKey,
  });

  async function call(operation: Operation, role: Role, target: Target) {
    const token = byHostedToken(operation, role) ? cast.hostedTokenOf(role) : cast.tokenOf(role);
    const body = bodies[operation.name]?.();
    const { mount } = tables[operation.dialect as Dialect];
    return fleet.request(
      operation.method,
      mount + pathOf(fleet, operation, knownOf(target)) + (queries[operation.name] ?? ''),
      {
        ...(token === undefined ? {} : { token }),
        ...(body === undefined ? {} : { json: body }),
      },
    );
  }

  describe.each(Object.keys(tables) as Dialect[])('in %s', (dialect) => {
    const { rows, expected } = tables[dialect];

    it('every route has a row, and every row a route', () => {
      const routes = operationsOf(fleet, dialect).map(({ name }) => name);
      expect(routes.sort()).toEqual(Object.keys(rows).sort());
    });

    it.each(Object.entries(rows))('%s', async (name, row: Row) => {
      const operation = operationsOf(fleet, dialect).find((one) => one.name === name);
      if (!operation) throw new Error('no such route');
      const wrong: string[] = [];
      const check = async (role: Role, target: Target): Promise<void> => {
        const { status, body } = await call(operation, role, target);
        const wanted = expected(row, role, target);
        if (status !== wanted) wrong.push(`${role} on ${target}: ${status}, not ${wanted} ${JSON.stringify(body)}`);
        if (status >= 300 || operation.method === 'GET') return;
        if (starts.has(name)) await end((body as { name?: string }).name ?? things[target].slug);
        await restore();
      };
      for (const target of isAboutOne(row) ? targets : (['own'] as const)) {
        // What changes nothing is asked by everybody at once.
        const idle = (role: Role): boolean => operation.method === 'GET' || expected(row, role, target) >= 300;
        await Promise.all(roles.filter(idle).map((role) => check(role, target)));
        for (const role of roles) if (!idle(role)) await check(role, target);
      }
      expect(wrong).toEqual([]);
    });
  });

  /** Started agents have processes, which deleting takes along. */
  async function end(slug: string): Promise<void> {
    expect((await fleet.admin.delete(`/api/agents/${slug}`)).status).toBe(200);
  }

  it('things of another agent are not reached through an own one', async () => {
    const token = cast.login('owner');
    const below = `/api/agents/${things.own.slug}`;
    const crossed = async (path: string, method = 'GET'): Promise<number> =>
      (await fleet.request(method, below + path, { token })).status;
    expect(await crossed(`/chat/sessions/${things.foreign.sessionId}`)).toBe(403);
    expect(await crossed(`/chat/sessions/${things.foreign.sessionId}/close`, 'POST')).toBe(403);
    expect(await crossed(`/activity/${things.foreign.toolId}`)).toBe(404);
    expect(await crossed(`/schedules/${things.foreign.scheduleId}`)).toBe(404);
    expect(await crossed(`/schedules/${things.foreign.scheduleId}/trigger`, 'POST')).toBe(404);
    expect(await crossed(`/schedules/${things.foreign.scheduleId}/executions`)).toBe(404);
    expect(await crossed(`/executions/${things.foreign.executionId}`)).toBe(404);
  });

  it('lists show only what one may see', async () => {
    const seen = async (role: Role): Promise<Record<string, readonly string[]>> => {
      const get = async (path: string): Promise<unknown> => {
        const token = cast.tokenOf(role) ?? '';
        return (await fleet.request('GET', path, { token })).body;
      };
      const names = (list: unknown, field: string): string[] =>
        Array.isArray(list)
          ? list.map((one: Record<string, unknown>) => String(one[field])).filter((name) => name.startsWith('matrix-'))
          : ['no list'];
      const timeline = (await get('/api/activities/timeline?limit=1000')) as { activities?: unknown };
      return {
        agents: names(await get('/api/agents'), 'name'),
        timeline: names(timeline.activities, 'agent_name'),
        ...(role === 'agent_key' ? {} : { approvals: names(await get('/~console/approvals'), 'agent') }),
      };
    };
    const none = { agents: [], timeline: [], approvals: [] };
    const own = { agents: ['matrix-own'], timeline: ['matrix-own'], approvals: ['matrix-own'] };
    expect(await seen('owner')).toEqual(own);
    expect(await seen('shared')).toEqual(own);
    expect(await seen('stranger')).toEqual(none);
    expect(await seen('colleague')).toEqual(none);
    expect(await seen('agent_key')).toEqual({ agents: ['matrix-own'], timeline: ['matrix-own'] });
    const everything = (await seen('admin')).agents ?? [];
    expect([...everything].sort()).toEqual(['matrix-foreign', 'matrix-own']);
  });

  // Trinity tells foreign from unknown by contract, unless told not to (below); a page that nobody made is the only foreign one of talk.
  const alike = { console: consoleRows, hostedagents: hostedRows };
  it.each(Object.keys(alike) as (keyof typeof alike)[])(
    'in %s foreign, deleted and unknown answer alike, byte for byte',
    async (dialect) => {
      const about = operationsOf(fleet, dialect).filter(({ name }) => isAboutOne(alike[dialect][name] as Row));
      expect(about.length).toBeGreaterThan(8);
      for (const operation of about) {
        for (const role of ['stranger', 'owner', 'owner_key'] as const) {
          const answers = await Promise.all(
            (['foreign', 'deleted', 'unknown'] as const).map(async (target) => {
              const { status, body, headers } = await call(operation, role, target);
              // What was asked for may be said again, nothing else.
              const asked = Object.values(namesFor(fleet, operation, knownOf(target)));
              const told = { status, body, type: headers.get('content-type') };
              return asked.reduce((text, word) => text.replaceAll(word, '*'), JSON.stringify(told));
            }),
          );
          expect({ route: operation.name, role, answers: [...new Set(answers)] }).toEqual({
            route: operation.name,
            role,
            answers: [answers[0]],
          });
        }
      }
    },
  );

  it("an agent's key ends with its agent", async () => {
    const passing = newThing('matrix-passing');
    await place(fleet.db, passing, cast.user('owner'), null);
    const key = (await cast.keyOf('owner', { forAgent: passing.agentId })).value.reveal();
    const status = async (): Promise<number> => (await fleet.request('GET', '/api/agents', { token: key })).status;
    expect(await status()).toBe(200);
    await fleet.admin.delete(`/api/agents/${passing.slug}`);
    expect(await status()).toBe(401);
  });
});

describe('with TRINITY_UNIFORM_404', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet({ env: { TRINITY_UNIFORM_404: 'true' } });
  }, 180_000);
  afterAll(() => fleet.close());

  it('agents of others cannot be told from agents that are not there', async () => {
    const cast = await assembleCast(fleet, things.own.agentId);
    await place(fleet.db, things.foreign, cast.user('outsider'), null);
    const token = cast.login('stranger');
    const foreign = {
      keyId: unknownId,
      tokenId: unknownId,
      email: addressOf('friend'),
      username: 'stranger',
      settingKey,
    };
    for (const operation of operationsOf(fleet, 'trinity').filter(({ path }) => path.includes('{name}'))) {
      const answers = await Promise.all(
        [things.foreign.slug, things.unknown.slug].map(async (slug) => {
          const known = { ...foreign, thing: { ...things.foreign, slug } };
          const path = pathOf(fleet, operation, known);
          const body = bodies[operation.name]?.();
          const call = { token, ...(body === undefined ? {} : { json: body }) };
          const { status, body: answer } = await fleet.request(
            operation.method,
            path + (queries[operation.name] ?? ''),
            call,
          );
          return { status, answer };
        }),
      );
      expect({ route: operation.name, answer: answers[0] }).toEqual({ route: operation.name, answer: answers[1] });
      expect(answers[0]?.status).toBe(404);
    }
  });
});
