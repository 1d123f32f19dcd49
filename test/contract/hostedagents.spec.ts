import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { publicIdOf } from '../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import { operationsOf } from '../security/support/operations.js';

interface Call {
  /** Method and path; `{words}` are filled in. */
  readonly call: string;
  readonly as?: 'token' | 'login';
  readonly body?: unknown;
  /** Name of a file that is sent as a form. */
  readonly form?: string;
  readonly answers: number;
}
interface Row extends Call {
  readonly on?: 'running' | 'stopped' | 'fresh';
  readonly list?: string;
  readonly empty?: boolean;
  readonly most?: number;
  readonly least?: number;
  readonly fields: readonly string[];
  readonly late?: boolean;
  readonly stopped?: { readonly answers: number; readonly code?: string };
  readonly rests?: { readonly answers: number; readonly members: object };
}
interface Edge extends Call {
  readonly when: string;
  readonly code: string;
}

const file = path.join(__dirname, '../../docs/contracts/hostedagents.yaml');
const contract = parse(readFileSync(file, 'utf8')) as {
  readonly rows: readonly Row[];
  readonly edges: readonly Edge[];
};
const named = <T extends { readonly call: string }>(rows: readonly T[]): [string, T][] =>
  rows.map((row) => [row.call, row]);
type Words = Readonly<Record<string, string>>;

function formOf(name: string): { readonly headers: Words; readonly body: string } {
  const head = `Content-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: text/plain`;
  const headers = { 'content-type': 'multipart/form-data; boundary=form' };
  return { headers, body: `--form\r\n${head}\r\n\r\nkept\r\n--form--\r\n` };
}

describe('the contract of the Hosted Agents API', () => {
  let fleet: Fleet;
  const tokens: Record<string, string> = {};
  /** What `{words}` stand for. */
  const words: Record<string, string> = {};
  let fresh = 0;

  beforeAll(async () => {
    fleet = await bootFleet({ env: { HOSTEDAGENTS_MAX_RUNNING: '100' } });
    const stranger = await fleet.givenUser('stranger', { signedIn: true });
    Object.assign(tokens, {
      login: fleet.admin.token,
      token: (await fleet.hosted()).token,
      stranger: (await fleet.hosted(stranger)).token,
    });
    words['tokenId'] = String((await fleet.admin.post('/api/v1/tokens', { label: 'doomed' })).body['id']);
    const scope = async (name: string): Promise<string> => {
      const call = { token: tokens['token'] ?? '', json: { name } };
      return String(((await fleet.request('POST', '/api/v1/scopes', call)).body as { id?: unknown }).id);
    };
    words['scopeId'] = await scope('to be renamed');
    words['doomedScopeId'] = await scope('doomed');
    await scope('kept scope');
    words['stopped'] = await givenAgent('sleeper');
    await fleet.admin.post('/api/agents/sleeper/stop');
    words['agentId'] = await givenAgent('runner');
    await fleet.chat('runner', '<<write a.txt hi>> <<say written>>');
    const hosted = fleet.admin.as(tokens['token'] ?? '');
    const opened = await hosted.post(`/api/v1/agents/${words['agentId']}/sessions`);
    words['sessionId'] = String(opened.body['id']);
    const said = await hosted.get<{ messages: { id: string }[] }>(`/api/v1/agents/${words['agentId']}/messages`);
    words['messageId'] = said.body.messages[0]?.id ?? '';
  });
  afterAll(() => fleet.close());

  async function givenAgent(name: string): Promise<string> {
    await fleet.givenAgent(name);
    return publicIdOf((await fleet.instanceOf(name)).agentId);
  }

  async function agentFor({ on = 'running' }: Row): Promise<string> {
    if (on === 'fresh') return givenAgent(`fresh-${++fresh}`);
    return words[on === 'stopped' ? 'stopped' : 'agentId'] ?? '';
  }

  const filled = (text: string, more: Words): string =>
    text.replace(/\{(\w+)\}/g, (whole, word: string) => more[word] ?? words[word] ?? whole);

  function send({ call, body, form }: Call, token: string | null, more: Words = {}, raw?: string) {
    const [method = '', where = ''] = filled(call, more).split(' ');
    return fleet.request(method, where, {
      ...(token === null ? {} : { token }),
      ...(raw === undefined ? {} : { body: raw, headers: { 'content-type': 'application/json' } }),
      ...(form === undefined ? {} : formOf(form)),
      ...(raw === undefined && body !== undefined
        ? { json: JSON.parse(filled(JSON.stringify(body), more)) as unknown }
        : {}),
    });
  }
  const tokenOf = ({ as = 'token' }: Call): string => tokens[as] ?? '';
  const refusal = (code?: string): unknown => ({
    error: expect.stringMatching(/./) as string,
    ...(code === undefined ? {} : { code }),
  });

  it('has a row for every operation of the document', () => {
    const pattern = (call: string): string => call.replace(/\?.*$/, '').replace(/\{\w+\}|KEPT|kept\.txt/g, '*');
    const rows = new Set(contract.rows.map(({ call }) => pattern(call)));
    const operations = operationsOf(fleet, 'hostedagents').map(({ name }) => pattern(name));
    expect(operations.filter((operation) => !rows.has(operation))).toEqual([]);
    expect(new Set(contract.rows.map(({ call }) => call)).size).toBe(contract.rows.length);
  });

  describe.each(named(contract.rows))('%s', (_call, row) => {
    const aboutAgent = row.call.includes('{agentId}');

    it('answers as written', async () => {
      const { status, body } = await send(row, tokenOf(row), { agentId: await agentFor(row) });
      expect([status, status === row.answers ? null : body]).toEqual([row.answers, null]);
      const found = row.list === undefined ? [body as object] : ((body as Record<string, object[]>)[row.list] ?? []);
      if (!row.empty) expect(found.length).toBeGreaterThanOrEqual(row.least ?? 1);
      expect(found.length).toBeLessThanOrEqual(row.most ?? Infinity);
      for (const one of found) expect(Object.keys(one).sort()).toEqual([...row.fields].sort());
    });

    it('is for nobody without a token', async () => {
      for (const token of [null, 'ha_live_unknown', row.as === 'login' ? 'x' : (tokens['login'] ?? '')]) {
        const { status, body, headers } = await send(row, token);
        expect([status, body]).toEqual([401, { error: 'Invalid or missing API token', code: 'unauthorized' }]);
        expect(headers.get('www-authenticate')).toBe('Bearer');
      }
      if (row.as === 'login') expect((await send(row, tokens['token'] ?? '')).status).toBe(403);
    });

    if (aboutAgent) {
      it('knows no agents of others and no unknown ones, whatever the body is', async () => {
        const raw = row.late ? '{bad' : undefined;
        const others = await send(row, tokens['stranger'] ?? '', {}, raw);
        const unknown = await send(row, tokens['token'] ?? '', { agentId: `c${'0'.repeat(24)}` }, raw);
        expect([others.status, others.body]).toEqual([404, { error: 'Agent not found', code: 'agent_not_found' }]);
        expect([unknown.status, unknown.body]).toEqual([others.status, others.body]);
      });
    }
    if (row.late) {
      it('wants JSON, before it looks at the state of the agent', async () => {
        for (const agentId of [words['agentId'] ?? '', words['stopped'] ?? '']) {
          const { status, body } = await send(row, tokenOf(row), { agentId }, '{bad');
          expect([status, body]).toEqual([400, refusal('invalid_json')]);
        }
      });
    }
    const { stopped, rests } = row;
    if (rests) {
      it('answers for one of its own that rests as written', async () => {
        const name = `fresh-${++fresh}`;
        const agentId = await givenAgent(name);
        await fleet.admin.post(`/api/agents/${name}/stop`);
        const { status, body } = await send(row, tokenOf(row), { agentId });
        expect([status, body]).toEqual([rests.answers, { agentId, ...rests.members }]);
      });
    }
    if (stopped) {
      it('answers for a stopped agent as written', async () => {
        const { status, body } = await send(row, tokenOf(row), { agentId: words['stopped'] ?? '' });
        expect([status, stopped.code ? body : null]).toEqual([
          stopped.answers,
          stopped.code ? refusal(stopped.code) : null,
        ]);
      });
    }
  });

  it.each(contract.edges.map((edge) => [edge.when, edge] as const))('%s', async (_when, edge) => {
    const { status, body } = await send(edge, tokenOf(edge));
    expect([status, body]).toEqual([
      edge.answers,
      expect.objectContaining({ error: expect.stringMatching(/./) as string, code: edge.code }),
    ]);
  });
});
