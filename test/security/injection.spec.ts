import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LinkAddresses } from '../../src/core/links/link-addresses.js';
import { LoginTokens } from '../../src/core/accounts/login-tokens.js';
import { User } from '../../src/core/accounts/user.entity.js';
import { publicIdOf } from '../../src/dialects/hostedagents/words.js';
import { JsonLogger } from '../../src/platform/logging/logger.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import { encode } from './support/calls.js';
import { faultOf } from './support/envelope.js';
import { type Operation, operationsOf, schemasOf } from './support/operations.js';
import { payloads } from './support/sql-payloads.js';
import { mounts as dialects } from './support/mounts.js';
import { newThing, place } from './support/things.js';
import { Wire } from './support/wire.js';

/** Every payload in every parameter, or (quick) each payload in some and each parameter with some. */
const full = process.env.FLOTILLA_SECURITY_FULL === 'true';
const victim = newThing('injection-stopped');
/** Touched by whatever is run where nothing should be. */
const traps = ['/tmp/flotilla-injected-a', '/tmp/flotilla-injected-b'] as const;
const spells = [
  `$(touch ${traps[0]})`,
  '`touch ' + traps[0] + '`',
  `'; touch ${traps[0]}; '`,
  `"; touch ${traps[0]}; "`,
  `\n touch ${traps[0]}\n`,
  `| touch ${traps[0]} |`,
  `&& touch ${traps[0]} &&`,
  `--eval=$(touch ${traps[0]})`,
  `\${IFS}touch\${IFS}${traps[0]}`,
];
const escapes = '\u001b[31mred\u001b]0;title\u0007\u009b2J\r\n{"level":"info","msg":"forged"}\n';

describe('injection', () => {
  let fleet: Fleet;
  let wire: Wire;
  let admin: User;
  const lines: string[] = [];
  beforeAll(async () => {
    fleet = await bootFleet({ logger: new JsonLogger('debug', { write: (line) => void lines.push(line) }) });
    wire = new Wire(fleet.url);
    admin = await fleet.db.of(User).findOneByOrFail({ username: 'admin' });
    await place(fleet.db, victim, admin, null);
    hosted = (await fleet.hosted()).token ?? '';
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
    /** Its effect is the same whatever it is given. */
    const skipped = new Set(['POST /api/auth/logout', 'POST /api/agents/{name}/start', 'DELETE /api/agents/{name}']);

    interface Spot {
      readonly operation: Operation;
      readonly where: string;
      readonly send: (payload: string) => { readonly path: string; readonly body: string | null };
    }

    /** Every place of an operation that takes a text. */
    function spotsOf(operation: Operation): Spot[] {
      const capability = fleet.app.get(LinkAddresses).sessionUrl(victim.sessionId).split('/').at(-1) ?? '';
      const values: Record<string, string> = {
        agentId: publicIdOf(victim.agentId),
        name: victim.slug,
        id: victim.sessionId,
        toolId: victim.toolId,
        capability,
      };
      const path = (one?: string, payload = ''): string =>
        dialects[operation.dialect as keyof typeof dialects] +
        operation.path.replace(/\{(\w+)\}/g, (_, name: string) =>
          encode(name === one ? payload : (values[name] ?? 'x')),
        );
      const type = operation.body?.type;
      const form = type === 'application/x-www-form-urlencoded';
      const write = (fields: Record<string, string>): string =>
        form ? new URLSearchParams(fields).toString() : JSON.stringify(fields);
      const fields = Object.keys(
        operation.body ? (schemasOf(fleet, operation.dialect)(operation.body.schema).properties ?? {}) : {},
      );
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
        // A create or rename with a good name is one too many; its other fields are tried with a bad one.
        ...fields.map((field) => ({
          operation,
          where: `body ${field}`,
          send: (text: string) => ({
            path: path(),
            body: write({ ...(field === 'name' ? {} : { name: '' }), [field]: text }),
          }),
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
      let sent = 0;
      for (const [index, { operation, where, send }] of spots.entries()) {
        const some = full ? payloads : payloads.filter((_, at) => (at + index) % 10 === 0);
        for (let at = 0; at < some.length; at += 5) {
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
        }
        if (operation.name === 'PUT /api/agents/{name}/rename') await place(fleet.db, victim, admin, null);
      }
      expect(faults).toEqual([]);
      expect({ spots: spots.length > 60, sent: sent > 300, payloads: used.size }).toEqual({
        spots: true,
        sent: true,
        payloads: payloads.length,
      });
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

    it('is never built from texts: every query with a placeholder in it is on this list', () => {
      const built: string[] = [];
      for (const file of sourceFiles('src')) {
        const source = readFileSync(file, 'utf8');
        // A template handed to a query, with something put into it.
        for (const [found] of source.matchAll(/\.query(?:<[^(]*>)?\(\s*`[^`]*\$\{[^`]*`/g)) {
          for (const [, inserted] of found.matchAll(/\$\{([^}]*)\}/g)) built.push(`${file}: ${inserted ?? ''}`);
        }
      }
      const known = [
        /userColumns$/,
        /accounts\/principals\.ts: condition$/,
        /: (visible|shared)\.sql$/,
        /access\.service\.ts: sql$|requests\.service\.ts: sql$/,
        /(agent-pages|links)\.service\.ts: (this\.(select|tables|(agents|instances|sessions)\.columns)|sql|at \+ [12])$/,
        /agent-directory\.service\.ts: (this\.(select|tables)|tagged|wanted\.length > 0 \? tagged : '')$/,
        /agent-grants\.service\.ts: (mayCall|sql)$|folders\.service\.ts: mayCall$/,
        /home-layouts\.service\.ts: (mayCall|mostFolders)$/,
        /(fleet-overview|workload)\.service\.ts: (columns|tables|atWork\('t'\))$/,
        /ssh-logins\.service\.ts: select$/,
        /job-runner\.ts: (change|due)$/,
        /groups\.service\.ts: condition$/,
        /master-key-rotation\.ts: (columns\.join\(\)|table|where|id|batch|column|stored)$/,
        /notifications\.ts: channel$/,
        /migrations\/.*: (table|when|(columns|sums|fields)\.join\(', '\))$/,
      ];
      expect(built.filter((one) => !known.some((pattern) => pattern.test(one)))).toEqual([]);
      expect(built.length).toBeGreaterThan(3);
    });
  });

  describe('S27: commands, logs and headers', () => {
    const name = 'injection-agent';
    it('runs nothing that stands in a name, a setting or a message', async () => {
      for (const [index, spell] of spells.entries()) {
        const made = await fleet.admin.post('/api/agents', {
          name: `${name}-${index} ${spell}`,
          type: spell.slice(0, 60),
          runtime_model: spell,
          custom_instructions: spell,
          tools: [spell],
          ...(index > 0 ? { runtime: 'none' } : {}),
        });
        if (index > 0) expect(made.status).toBe(400);
        else {
          expect(made.status).toBe(200);
          const agent = String(made.body['name']);
          expect(agent).toMatch(/^[a-z0-9][a-z0-9_.-]*$/);
          for (const words of spells) {
            expect((await fleet.chat(agent, words)).status).toBe(200);
            await fleet.admin.get(`/api/agents/${agent}/files/download?path=${encode(words)}`);
            await fleet.admin.get(`/api/agents/${agent}/logs?tail=${encode(words)}`);
          }
        }
      }
      for (const trap of traps) expect(existsSync(trap)).toBe(false);
    }, 120_000);

    it('keeps log lines whole, whatever is sent', async () => {
      const before = lines.length;
      for (const path of [`/api/agents/${encode(escapes)}`, `/api/x?${encode(escapes)}`, '/%1b%5d0;x%07']) {
        const headers = { authorization: `Bearer ${token()}`, 'user-agent': '\u009b2J', 'x-request-id': 'a b\u009b' };
        const { headers: sent, text } = await wire.send({ method: 'GET', path, headers });
        expect(sent['x-request-id']).toMatch(/^[\w.:+/=-]+$/);
        expect(controlsIn(text)).toEqual([]);
      }
      await fleet.request('POST', '/token', { form: { username: escapes, password: escapes } });
      await fleet.admin.post('/api/mcp/keys', { name: escapes.slice(0, 60) });
      for (const line of lines.slice(before)) {
        expect(controlsIn(line.trimEnd())).toEqual([]);
        expect(JSON.parse(line)).not.toMatchObject({ msg: 'forged' });
      }
    });

    it('what an agent prints and calls its files stays text', async () => {
      const [agent] = (await fleet.admin.get<{ name: string; status: string }[]>('/api/agents')).body.filter(
        (one) => one.status === 'running',
      );
      const below = `/api/agents/${agent?.name ?? ''}`;
      const file = 'bad\nname"; x=.txt\u001b[2J';
      const command = `printf hi \\> "$(printf 'bad\\nname"; x=.txt\\033[2J')"`;
      expect((await fleet.chat(agent?.name ?? '', `<<bash ${command}>>`)).status).toBe(200);
      const headers = { authorization: `Bearer ${token()}` };
      const listed = await wire.send({ method: 'GET', path: `${below}/files`, headers });
      expect((JSON.parse(listed.text) as { tree: { name: string }[] }).tree.map((one) => one.name)).toContain(file);
      expect(controlsIn(listed.text)).toEqual([]);
      const path = `${below}/files/download?path=${encode(file)}`;
      const { status, headers: sent, text } = await wire.send({ method: 'GET', path, headers });
      expect({ status, text }).toEqual({ status: 200, text: 'hi' });
      expect(sent['content-disposition']).toMatch(/^attachment; filename="[\w.-]+"; filename\*=UTF-8''[\w.%!~*'()-]+$/);
      expect(sent['x-content-type-options']).toBe('nosniff');
      expect(sent['content-type']).toBe('text/plain; charset=utf-8');
    });
  });
});

function sourceFiles(folder: string): string[] {
  const root = join(__dirname, '../..');
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => join(root, folder, name));
}

/** Characters that a terminal obeys; an answer or a log line may end with a line feed, and holds none inside. */
const controlsIn = (text: string): string[] =>
  [...text.trimEnd()].filter((one) => one < ' ' || (one >= '\u007f' && one < '\u00a0'));
