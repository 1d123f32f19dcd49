import { randomUUID } from 'node:crypto';
import { LoginTokens } from '../../src/core/accounts/login-tokens.js';
import { User } from '../../src/core/accounts/user.entity.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import { addressOf, unknownId } from './support/cast.js';
import { faultOf } from './support/envelope.js';
import { bodies, queries } from './support/matrix-inputs.js';
import { mounts } from './support/mounts.js';
import { type Operation, operationsOf, schemasOf } from './support/operations.js';
import { ownership } from './support/ownership.js';
import { type Known, pathOf } from './support/paths.js';
import { newThing, place } from './support/things.js';
import { type Raw, Wire } from './support/wire.js';

const own = newThing('fields-own');
const foreign = newThing('fields-foreign');
/** Found nowhere unless what was sent along was stored. */
const marker = `forged-${randomUUID()}`;
/** Started or ended on purpose: what their state is afterwards says nothing, and they are no agents of this test. */
const lifecycle = /\/(start|restart)$/;

describe('S3: what only the server says', () => {
  let fleet: Fleet;
  let wire: Wire;
  let users: Readonly<Record<'owner' | 'other' | 'admin', User>>;
  let hosted: Readonly<Record<'owner' | 'admin', string>>;
  beforeAll(async () => {
    fleet = await bootFleet({ env: { FLOTILLA_SSH_PORT: '0' } });
    wire = new Wire(fleet.url);
    const owner = await fleet.givenUser('fields-owner', { email: addressOf('fields-owner'), signedIn: true });
    await fleet.givenUser('fields-other', { email: addressOf('fields-other') });
    const byName = (username: string): Promise<User> => fleet.db.of(User).findOneByOrFail({ username });
    users = { owner: await byName('fields-owner'), other: await byName('fields-other'), admin: await byName('admin') };
    hosted = { owner: (await fleet.hosted(owner)).token ?? '', admin: (await fleet.hosted()).token ?? '' };
    await restore();
  }, 180_000);
  afterAll(async () => {
    wire.close();
    await fleet.close();
  });

  async function restore(): Promise<void> {
    await place(fleet.db, own, users.owner, null);
    await place(fleet.db, foreign, users.other, null);
  }

  const known: Known = {
    thing: own,
    keyId: unknownId,
    tokenId: unknownId,
    email: addressOf('guest'),
    username: 'fields-other',
    settingKey: 'fields.setting',
  };

  /** Every name that says whose something is or what it may, in both spellings, with values that exist. */
  const forged = (): Record<string, unknown> => {
    const { other } = users;
    const words: Record<string, unknown> = {
      id: foreign.agentId,
      agent_id: foreign.agentId,
      instance_id: foreign.instanceId,
      session_id: foreign.sessionId,
      owner: other.username,
      owner_id: other.id,
      user_id: other.id,
      created_by: other.id,
      shared_by_id: other.id,
      org_id: other.personalOrgId,
      organisation_id: other.personalOrgId,
      group_id: foreign.groupId,
      role: 'admin',
      default_role: 'admin',
      is_system: true,
      is_owner: true,
      is_admin: true,
      permissions: ['admin'],
      scopes: ['*'],
      status: marker,
      state: marker,
      desired: marker,
      wanted: marker,
      container_id: marker,
      image: marker,
      base_image_version: marker,
      privileged: true,
      binds: [`/:/${marker}`],
      volumes: [marker],
      cap_add: ['ALL'],
      network_mode: 'host',
      suspended_at: null,
      password_hash: marker,
      email_proven_at: '2020-01-01T00:00:00Z',
      hash: marker,
      prefix: marker,
      created_at: '1999-01-01T00:00:00Z',
      expires_at: '2099-01-01T00:00:00Z',
      cost_usd: -1e9,
      __proto__x: marker,
    };
    const camel = (word: string): string => word.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    return Object.fromEntries(
      Object.entries(words).flatMap(([word, value]) => [
        [word, value],
        [camel(word), value],
      ]),
    );
  };

  const as = (operation: Operation): string => {
    // What only administrators may do is tried by one.
    const who = operation.permission === 'admin' ? 'admin' : 'owner';
    const byToken = operation.dialect === 'hostedagents' && operation.permission !== 'account';
    return byToken ? hosted[who] : fleet.app.get(LoginTokens).issue(users[who]).accessToken.reveal();
  };

  const send = (operation: Operation, body: object): Promise<Raw> =>
    wire.send({
      method: operation.method,
      path:
        mounts[operation.dialect as keyof typeof mounts] +
        pathOf(fleet, operation, known) +
        (queries[operation.name] ?? ''),
      headers: { authorization: `Bearer ${as(operation)}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });

  /** Every operation that takes JSON, with what its document says it takes. */
  const writing = () =>
    Object.keys(mounts).flatMap((dialect) => {
      const resolve = schemasOf(fleet, dialect);
      return operationsOf(fleet, dialect)
        .filter(
          ({ method, name, body }) => method !== 'GET' && !lifecycle.test(name) && body?.type === 'application/json',
        )
        .map((operation) => ({
          operation,
          good: { ...bodies[operation.name]?.() },
          schema: operation.body ? resolve(operation.body.schema) : {},
        }));
    });

  /** Rows in which a value that was made up has been kept. */
  async function keptIn(): Promise<string[]> {
    const tables = await fleet.db.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'public'`,
    );
    const kept: string[] = [];
    for (const { name } of tables) {
      const rows = await fleet.db.query(`select 1 from "${name}" t where t::text like $1 limit 1`, [`%${marker}%`]);
      if (rows.length > 0) kept.push(name);
    }
    return kept;
  }

  const roleOf = async (username: string): Promise<string> =>
    (await fleet.db.of(User).findOneByOrFail({ username })).role;

  it('changes nothing when a caller says it: owner, organisation, role, state, image', async () => {
    const wrong: string[] = [];
    let taken = 0;
    for (const { operation, good, schema } of writing()) {
      // A field that is the operation's own is its to read; whether it reads it well is for its own tests.
      const names = Object.keys(schema.properties ?? {});
      const sent = Object.fromEntries(Object.entries(forged()).filter(([name]) => !names.includes(name)));
      await restore();
      const before = await ownership(fleet.db, own);
      const { status } = await send(operation, { ...sent, ...good });
      if (status < 300) taken += 1;
      if (status >= 500 && status !== 503) wrong.push(`${operation.name}: ${status}`);
      const after = await ownership(fleet.db, own);
      for (const [what, who] of before) {
        const now = after.get(what);
        // Deleting is an operation's right; giving away is not.
        if (now !== undefined && now !== who) wrong.push(`${operation.name}: ${what} was ${who}, is ${now}`);
      }
      const [row] = await fleet.db.query<{ n: number }>(
        `select count(*)::int as n from agents where owner_id = $1 and id <> $2`,
        [users.other.id, foreign.agentId],
      );
      if (row?.n !== 0) wrong.push(`${operation.name}: made an agent of somebody else`);
      if ((await roleOf('fields-owner')) !== 'user') wrong.push(`${operation.name}: the caller has another role`);
    }
    expect(wrong).toEqual([]);
    expect(await keptIn()).toEqual([]);
    // Enough of them did what they were asked for.
    expect(taken).toBeGreaterThan(20);
    const [made] = await fleet.db.query<{ n: number }>(
      `select count(*)::int as n from agents where is_system or owner_id not in ($1, $2)`,
      [users.owner.id, users.other.id],
    );
    expect(made?.n).toBe(0);
  }, 240_000);

  it('a field that may be left out may be null as well, and breaks nothing', async () => {
    const wrong: string[] = [];
    let tried = 0;
    for (const { operation, good, schema } of writing()) {
      for (const field of Object.keys(schema.properties ?? {})) {
        // Made in the test above, once each: agents are real.
        const body = /^POST \/api\/(v1\/)?agents$/.test(operation.name) ? { name: own.slug, model: 'none/none' } : good;
        const answer = await send(operation, { ...body, [field]: null });
        tried += 1;
        const asked = answer.status === 502 && answer.text.includes('question_invalid');
        const fault =
          answer.status >= 500 && answer.status !== 503 && !asked ? answer.text : faultOf(operation.dialect, answer);
        if (fault !== null) wrong.push(`${operation.name} ${field}: ${answer.status} ${fault}`);
        if (answer.status < 300) await restore();
      }
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThan(60);
  }, 120_000);
});
