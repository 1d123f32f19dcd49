import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { AgentShare } from '../../src/core/agents/agent-share.entity.js';
import { adminPassword } from '../support/boot.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import type { TrinityClient } from '../support/trinity-client.js';

type Who = 'open' | 'user' | 'access' | 'owner' | 'admin';

interface Call {
  readonly part: string;
  /** Method and path; `{words}` are filled in. */
  readonly call: string;
  readonly as?: string;
  readonly body?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly answers: number;
}
interface Row extends Call {
  readonly who: Who;
  readonly on?: 'fresh';
  readonly list?: boolean;
  readonly keyed?: boolean;
  readonly fields?: readonly string[];
  readonly text?: string;
  readonly nothing?: boolean;
  readonly stopped?: { readonly answers: number; readonly says?: string };
  readonly absent?: number;
}
interface Edge extends Call {
  readonly when: string;
  readonly says?: string;
  readonly holds?: object;
  /** With a JSON content type and nothing behind it. */
  readonly empty?: boolean;
}
interface Door {
  readonly part: string;
  readonly path: string;
  readonly opens?: boolean;
  readonly closes?: number;
  readonly refused?: number;
}
interface Contract {
  readonly parts: Readonly<Record<string, { readonly built: boolean }>>;
  readonly rows: readonly Row[];
  readonly sockets: readonly Door[];
  readonly edges: readonly Edge[];
}

const file = path.join(__dirname, '../../docs/contracts/trinity.yaml');
const contract = parse(readFileSync(file, 'utf8')) as Contract;
const isBuilt = ({ part }: { readonly part: string }): boolean => contract.parts[part]?.built === true;
const named = <T extends { readonly call: string }>(rows: readonly T[]): [string, T][] =>
  rows.map((row) => [row.call, row]);

describe('the contract of the Trinity Agents API', () => {
  let fleet: Fleet;
  /** What `{words}` stand for. */
  const words: Record<string, string> = { password: adminPassword };
  const tokens: Record<string, string | null> = { nobody: null, impostor: 'x' };
  let fresh = 0;

  beforeAll(async () => {
    fleet = await bootFleet({ env: { FLOTILLA_SSH_PORT: '0' } });
    const { admin } = fleet;
    Object.assign(words, { token: admin.token, running: 'runner', name: 'runner', stopped: 'sleeper' });
    tokens['admin'] = admin.token;
    tokens['stranger'] = (await fleet.givenUser('stranger')).token;
    tokens['guest'] = (await fleet.givenUser('guest', { email: 'guest@example.com' })).token;
    tokens['leaver'] = (await admin.signIn('admin', adminPassword)).token;
    await fleet.givenAgent('sleeper');
    await fleet.givenAgent('runner');
    await fleet.chat('runner', '<<write a.txt hi>> <<say written>>');
    await admin.post('/api/agents/sleeper/stop');
    await shareWithGuest('runner');
    for (const word of ['schedule_id', 'doomed_id', 'idle_id']) {
      const fields = { name: word, cron_expression: '0 9 * * *', message: '<<say done>>' };
      words[word] = String((await admin.post('/api/agents/runner/schedules', fields)).body['id']);
    }
    const run = await admin.post(`/api/agents/runner/schedules/${words['schedule_id'] ?? ''}/trigger`);
    words['execution_id'] = String(run.body['execution_id']);
    const sessions = await admin.get<{ sessions: { id: string }[] }>('/api/agents/runner/chat/sessions');
    const activity = await admin.get<{ timeline: { id: string }[] }>('/api/agents/runner/activity');
    const key = await admin.post('/api/mcp/keys', { name: 'first' });
    const other = await admin.post('/api/mcp/keys', { name: 'second' });
    tokens['keyholder'] = words['key'] = String(other.body['api_key']);
    words['session_id'] = sessions.body.sessions[0]?.id ?? '';
    words['tool_id'] = activity.body.timeline[0]?.id ?? '';
    words['key_id'] = String(key.body['id']);
    await admin.post('/api/settings/email-whitelist', { email: 'coded@example.com' });
    await admin.post('/api/auth/email/request', { email: 'coded@example.com' });
    words['code'] = await fleet.outbox.codeFor('coded@example.com');
  });
  afterAll(() => fleet.close());

  async function shareWithGuest(name: string): Promise<void> {
    const { agentId } = await fleet.instanceOf(name);
    const share = { agentId, email: 'guest@example.com', sharedById: 'x', createdAt: new Date() };
    await fleet.db.run((tx) => tx.of(AgentShare).insert(share));
  }

  async function freshAgent(as: TrinityClient = fleet.admin): Promise<string> {
    const name = `fresh-${++fresh}`;
    await fleet.givenAgent(name, {}, as);
    return name;
  }

  const filled = (text: string, more: Record<string, string> = {}): string =>
    text.replace(/\{(\w+)\}/g, (whole, word: string) => more[word] ?? words[word] ?? whole);

  async function send({ call, body, form }: Partial<Call>, as: string, more: Record<string, string> = {}) {
    const [method = '', where = ''] = filled(call ?? '', more).split(' ');
    const token = tokens[as];
    return fleet.request(method, where, {
      ...(token ? { token } : {}),
      ...(body === undefined ? {} : { json: JSON.parse(filled(JSON.stringify(body), more)) as unknown }),
      ...(form ? { form: JSON.parse(filled(JSON.stringify(form), more)) as Record<string, string> } : {}),
    });
  }

  it('names a part for every row', () => {
    const parts = new Set([...contract.rows, ...contract.edges, ...contract.sockets].map(({ part }) => part));
    expect([...parts].filter((part) => !(part in contract.parts))).toEqual([]);
    expect(new Set(contract.rows.map(({ call }) => call)).size).toBe(contract.rows.length);
  });

  it('has a row for every operation of the document', () => {
    const pattern = (call: string): string => call.replace(/\?.*$/, '').replace(/\{\w+\}/g, '*');
    const rows = new Set(contract.rows.filter(isBuilt).map(({ call }) => pattern(call)));
    const same = (given: string, operation: string): boolean => {
      const parts = operation.split('/');
      const others = given.split('/');
      return parts.length === others.length && parts.every((part, at) => part === '*' || part === others[at]);
    };
    return fleet.request('GET', '/openapi.json').then(({ body }) => {
      const { paths } = body as { paths: Record<string, Record<string, unknown>> };
      const operations = Object.entries(paths).flatMap(([where, item]) =>
        Object.keys(item).map((method) => pattern(`${method.toUpperCase()} ${where}`)),
      );
      const lonely = operations.filter((operation) => ![...rows].some((given) => same(given, operation)));
      expect(lonely).toEqual(['GET /health/ready']);
    });
  });

  describe.each(named(contract.rows.filter(isBuilt)))('%s', (_call, row) => {
    const aboutAgent = row.call.includes('{name}');

    it('answers as written', async () => {
      const more = row.on === 'fresh' ? { name: await freshAgent() } : undefined;
      const { status, body } = await send(row, row.as ?? (row.who === 'open' ? 'nobody' : 'admin'), more);
      expect([status, status === row.answers ? null : body]).toEqual([row.answers, null]);
      if (row.nothing) expect(body).toBeNull();
      else if (row.text !== undefined) expect(body).toBe(row.text);
      else {
        const found: object[] = row.list ? body : row.keyed ? Object.values(body as object) : [body];
        expect(found.length).toBeGreaterThan(0);
        for (const one of found) expect(Object.keys(one).sort()).toEqual([...(row.fields ?? [])].sort());
      }
    });

    if (row.who !== 'open') {
      it('is for nobody who is not signed in', async () => {
        const without = await send(row, 'nobody');
        expect([without.status, without.body]).toEqual([401, { detail: 'Not authenticated' }]);
        expect(without.headers.get('www-authenticate')).toBe('Bearer');
      });
    }
    if (row.who === 'admin') {
      it('is for administrators', async () => {
        expect((await send(row, 'stranger')).status).toBe(403);
      });
    }
    if (aboutAgent) {
      it('is refused for agents of others and unknown ones', async () => {
        const refused = await send(row, 'stranger');
        expect([refused.status, refused.body]).toEqual([
          403,
          { detail: "You don't have permission to access this agent" },
        ]);
        const unknown = await send(row, 'admin', { name: 'unknown' });
        expect([unknown.status, unknown.body]).toEqual([404, { detail: 'Agent not found' }]);
      });
    }
    if (row.who === 'owner') {
      it('is refused for those it is shared with', async () => {
        const refused = await send(row, 'guest');
        expect([refused.status, refused.body]).toEqual([403, { detail: 'Owner access required' }]);
      });
    }
    const { stopped } = row;
    if (stopped) {
      it('answers for a stopped agent as written', async () => {
        const { status, body } = await send(row, 'admin', { name: 'sleeper' });
        expect(status).toBe(stopped.answers);
        if (stopped.says) expect(body).toEqual({ detail: expect.stringContaining(stopped.says) });
      });
    }
  });

  it.each(named(contract.rows.filter((row) => !isBuilt(row))))('%s is absent', async (_call, row) => {
    const { status, body } = await send(
      { body: {}, ...row, ...(row.call.startsWith('GET') ? { body: undefined } : {}) },
      'admin',
    );
    const absent = row.absent ?? 404;
    expect([status, body]).toEqual([absent, { detail: absent === 404 ? 'Not Found' : 'Method Not Allowed' }]);
  });

  it.each(contract.sockets.map((door) => [door.path, door] as const))('socket %s', async (_path, door) => {
    const socket = fleet.socket(filled(door.path));
    const settled = await socket.waitFor((client) =>
      client.refused || client.closed || (door.opens && client.isOpen) ? client : null,
    );
    socket.close();
    if (door.opens) expect(settled.refused).toBeNull();
    if (door.closes) expect(settled.closed?.code).toBe(door.closes);
    if (door.refused) expect(settled.refused).toEqual({ status: door.refused, body: '{"detail":"Not Found"}' });
  });

  it.each(contract.edges.filter(isBuilt).map((edge) => [edge.when, edge] as const))('%s', async (_when, edge) => {
    const more: Record<string, string> = edge.call.includes('{fresh}') ? { fresh: await freshAgent() } : {};
    const [method = '', where = ''] = filled(edge.call, more).split(' ');
    const { status, body } = edge.empty
      ? await fleet.request(method, where, {
          token: words['token'] ?? '',
          headers: { 'content-type': 'application/json' },
        })
      : await send(edge, edge.as ?? 'admin', more);
    expect(status).toBe(edge.answers);
    if (edge.says) expect(body).toEqual({ detail: expect.stringContaining(edge.says) });
    if (edge.holds) expect(body).toMatchObject(edge.holds);
    if (status >= 400) expect(Object.keys(body as object)).toEqual(['detail']);
  });
});
