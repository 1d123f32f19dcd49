import { LoginTokens } from '../../src/core/accounts/login-tokens.js';
import { User } from '../../src/core/accounts/user.entity.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import { encode } from './support/calls.js';
import { unknownId } from './support/cast.js';
import { faultOf } from './support/envelope.js';
import { bodies, queries } from './support/matrix-inputs.js';
import { type Operation, operationsOf, schemasOf } from './support/operations.js';
import { payloads } from './support/sql-payloads.js';
import { mounts as dialects } from './support/mounts.js';
import { type Known, namesFor } from './support/paths.js';
import { fill, newThing, place } from './support/things.js';
import { Wire } from './support/wire.js';

/** Every payload in every parameter, or (quick) each payload in some and each parameter with some. */
const full = process.env.FLOTILLA_SECURITY_FULL === 'true';
const victim = newThing('injection-stopped');
const known: Known = {
  thing: victim,
  keyId: unknownId,
  tokenId: unknownId,
  email: 'injected@example.com',
  username: 'injection-user',
  settingKey: 'injection.setting',
};
describe('injection', () => {
  let fleet: Fleet;
  let wire: Wire;
  let admin: User;
  beforeAll(async () => {
    fleet = await bootFleet();
    wire = new Wire(fleet.url);
    admin = await fleet.db.of(User).findOneByOrFail({ username: 'admin' });
    await place(fleet.db, victim, admin, null);
    hosted = (await fleet.hosted()).token ?? '';
    await fleet.givenUser(known.username, { email: known.email });
  }, 180_000);
  afterAll(async () => {
    wire.close();
    await fleet.close();
  });
  const token = (): string => fleet.app.get(LoginTokens).issue(admin).accessToken.reveal();

  let hosted = '';
  /** Most of the Hosted Agents API wants a token of its own. */
  const tokenFor = ({ dialect, permission }: Operation): string =>
    dialect === 'hostedagents' && permission !== 'account' ? hosted : token();

  describe('S29: SQL', () => {
    const tables = ['users', 'agents', 'sessions', 'agent_shares', 'activities', 'settings', 'organisations'] as const;
    const counts = async (): Promise<Record<string, unknown>> => {
      const found: Record<string, unknown> = {};
      for (const table of tables) {
        const [row] = await fleet.db.query<{ n: number }>(`select count(*)::int as n from ${table}`, []);
        found[table] = row?.n;
      }
      return found;
    };
    /** Refused for another reason once everything was read: hundreds of agents would be made. */
    const refusedLater: Readonly<Record<string, object>> = {
      'POST /api/agents': { name: victim.slug },
      'POST /api/v1/agents': { model: 'none/none' },
    };
    /** Its effect is the same whatever it is given. */
    const skipped = new Set(['POST /api/auth/logout', 'POST /api/agents/{name}/start', 'DELETE /api/agents/{name}']);

    interface Spot {
      readonly operation: Operation;
      readonly where: string;
      readonly send: (payload: string) => { readonly path: string; readonly body: string | null };
    }

    /** Every place of an operation that takes a text. */
    function spotsOf(operation: Operation): Spot[] {
      const names = namesFor(fleet, operation, known);
      const path = (one?: string, payload = ''): string =>
        dialects[operation.dialect as keyof typeof dialects] +
        operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encode(name === one ? payload : (names[name] ?? '')));
      const type = operation.body?.type;
      const form = type === 'application/x-www-form-urlencoded';
      const write = (fields: Record<string, unknown>): string =>
        form ? new URLSearchParams(fields as Record<string, string>).toString() : JSON.stringify(fields);
      const schema = operation.body && schemasOf(fleet, operation.dialect)(operation.body.schema);
      const good = (): Record<string, unknown> => ({
        ...Object.fromEntries((schema?.required ?? []).map((field) => [field, 'x'])),
        ...bodies[operation.name]?.(),
        ...refusedLater[operation.name],
      });
      const fields = new Set([...Object.keys(schema?.properties ?? {}), ...Object.keys(good())]);
      /** A text where a list or an object is meant goes no further than its type: it goes inside. */
      const inPlaceOf = (value: unknown, text: string): unknown => {
        if (Array.isArray(value)) return [text];
        return typeof value === 'object' && value !== null ? { [text]: text, ops_kept: text } : text;
      };
      return [
        ...operation.parameters
          .filter((one) => one.in === 'path')
          .map(({ name }) => ({
            operation,
            where: name,
            send: (text: string) => ({ path: path(name, text), body: null }),
          })),
        ...operation.parameters
          .filter((one) => one.in === 'query')
          .map(({ name }) => ({
            operation,
            where: `?${name}`,
            send: (text: string) => ({ path: `${path()}?${name}=${encode(text)}`, body: null }),
          })),
        // All other fields are good, so that the bad one gets as far as there is to get.
        ...[...fields].map((field) => ({
          operation,
          where: `body ${field}`,
          send: (text: string) => {
            const all = good();
            return {
              path: path() + (queries[operation.name] ?? ''),
              body: write({ ...all, [field]: inPlaceOf(all[field], text) }),
            };
          },
        })),
      ];
    }

    it(`of ${payloads.length} kinds changes nothing, in any text`, async () => {
      const spots = Object.keys(dialects)
        .flatMap((dialect) => operationsOf(fleet, dialect))
        .filter(({ name }) => !skipped.has(name))
        .flatMap(spotsOf)
        .filter(
          ({ operation, where }) => !(/^POST \/api\/(v1\/)?agents$/.test(operation.name) && where === 'body name'),
        );
      const before = await counts();
      const faults: string[] = [];
      const used = new Set<string>();
      const passed = new Set<string>();
      let sent = 0;
      for (const [index, { operation, where, send }] of spots.entries()) {
        const some = full ? payloads : payloads.filter((_, at) => (at + index) % 10 === 0);
        for (let at = 0; at < some.length; at += 5) {
          let changed = false;
          await Promise.all(
            some.slice(at, at + 5).map(async (payload) => {
              const { path, body } = send(payload);
              const type = operation.body?.type ?? 'application/json';
              const headers = {
                authorization: `Bearer ${tokenFor(operation)}`,
                ...(body === null ? {} : { 'content-type': type }),
              };
              // Less than the ten seconds that some of them ask the database to sleep.
              const answer = await wire.send({ method: operation.method, path, headers, body, patience: 9000 });
              changed ||= answer.status < 300 && operation.method !== 'GET';
              if (answer.status < 300) passed.add(`${operation.dialect} ${operation.name}`);
              used.add(payload);
              sent += 1;
              // The name of what is missing may be said again; what tells about the inside is looked for beside it.
              const text = answer.text.replaceAll(JSON.stringify(payload).slice(1, -1), '*');
              // 502: a question's id that none has (contract 5.4).
              const unknown = answer.status === 502 && answer.text.includes('question_invalid');
              const broken = answer.status >= 500 && answer.status !== 503 && !unknown;
              const fault = broken ? text : faultOf(operation.dialect, { ...answer, text });
              if (fault !== null) faults.push(`${operation.name} ${where} ${payload}: ${answer.status} ${fault}`);
            }),
          );
          if (changed && operation.name.endsWith('/rename')) await place(fleet.db, victim, admin, null);
          else if (changed) await fill(fleet.db, victim, admin);
        }
      }
      expect(faults).toEqual([]);
      expect({ spots: spots.length > 60, sent: sent > 300, payloads: used.size }).toEqual({
        spots: true,
        sent: true,
        payloads: payloads.length,
      });
      // Bodies that are good but for one text reach what they are for, in many operations.
      expect(passed.size).toBeGreaterThan(20);
      // Keys and stored settings of clients are allowed to be there; nothing else came or went.
      const { settings: settingsBefore, ...others } = before;
      const { settings: settingsAfter, ...othersAfter } = await counts();
      expect(othersAfter).toEqual(others);
      expect(Number(settingsAfter)).toBeGreaterThanOrEqual(Number(settingsBefore));
    }, 900_000);

    it('widens no filter', async () => {
      const ask = async (path: string): Promise<number> => {
        const { body } = await fleet.admin.get<unknown>(path);
        const inner = body as { activities?: unknown; sessions?: unknown; messages?: unknown };
        const list = Array.isArray(body) ? body : (inner.activities ?? inner.sessions ?? inner.messages);
        return Array.isArray(list) ? list.length : -1;
      };
      const below = `/api/agents/${victim.slug}`;
      for (const payload of payloads) {
        const text = encode(payload);
        expect(await ask(`/api/agents?tags=${text}`)).toBe(0);
        expect(await ask(`${below}/activities?activity_state=${text}`)).toBeLessThanOrEqual(0);
        expect(await ask(`${below}/chat/history/persistent?user_filter=${text}`)).toBeLessThanOrEqual(0);
      }
    }, 120_000);
  });
});
