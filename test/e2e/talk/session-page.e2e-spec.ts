import { LinkAddresses } from '../../../src/core/links/link-addresses.js';
import { EventStream } from '../../support/event-stream.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { Answer } from '../../support/boot.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

/** A request as it comes from a sandboxed page: without cookie, sign-in or origin. */
const fromFrame = { origin: 'null' };

describe('the address of a conversation', () => {
  let fleet: Fleet;
  let ada: TrinityClient;
  /** Paths below the server: two conversations with one agent, and the agent itself. */
  let own: string;
  let other: string;
  let agent: string;
  const streams: EventStream[] = [];
  beforeAll(async () => {
    fleet = await bootFleet();
    ada = await fleet.givenUser('ada', { email: 'ada@example.com', signedIn: true });
    const { id } = await givenAgent('talker');
    own = await begin('talker', ada);
    other = await begin('talker', fleet.admin);
    agent = pathOf(fleet.app.get(LinkAddresses).agentUrl(id));
  }, 180_000);
  afterEach(async () => {
    await Promise.all(streams.splice(0).map((stream) => stream.close()));
  });
  afterAll(() => fleet.close());

  const pathOf = (url: string): string => new URL(url).pathname;
  async function givenAgent(name: string): Promise<{ id: string }> {
    await fleet.givenAgent(name, {}, ada);
    const [row] = await fleet.db.query<{ id: string }>('select id from agents where slug = $1', [name]);
    return row ?? { id: '' };
  }
  /** A conversation that somebody began, as the path of its page. */
  async function begin(name: string, as: TrinityClient): Promise<string> {
    const { body } = await as.post(`/~console/agents/${name}/messages`, { message: 'hello <<say hi>>' });
    return pathOf(fleet.app.get(LinkAddresses).sessionUrl(String(body['session_id'])));
  }
  const get = (path: string): Promise<Answer> => fleet.request('GET', path, { headers: fromFrame });
  const post = (path: string, json: object = {}): Promise<Answer> =>
    fleet.request('POST', path, { json, headers: fromFrame });
  async function open(path: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const stream = await EventStream.open(`${fleet.url}${path}/stream`, null, headers);
    streams.push(stream);
    return stream;
  }
  const kinds = (stream: EventStream): string[] => stream.of('event').map(({ data }) => data.kind);
  const ended = (stream: EventStream, count: number): Promise<unknown> =>
    until(`${count} turns have ended`, () => kinds(stream).filter((kind) => kind === 'turn_ended').length >= count);
  const waiting = (stream: EventStream, list: 'approvals' | 'questions'): Promise<Answer['body']> =>
    until(`something waits in ${list}`, () => stream.of('waiting').at(-1)?.data[list][0]);

  it('is built on the public address, and reaches this server', async () => {
    const { sessionId = '' } =
      (await fleet.db.query<{ sessionId: string }>('select id as "sessionId" from sessions'))[0] ?? {};
    const url = fleet.app.get(LinkAddresses).sessionUrl(sessionId);
    expect(url).toMatch(new RegExp(`^${fleet.url}/s/[\\w-]{48}$`));
    expect((await fetch(url)).status).toBe(200);
  });

  it.each([
    ['a conversation', () => own],
    ['an agent', () => agent],
  ])(
    'of %s opens without any header, may be framed by any page, is kept by nobody and has no origin',
    async (_, path) => {
      const { status, headers } = await fleet.request('GET', path());
      expect(status).toBe(200);
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(headers.get('x-frame-options')).toBeNull();
      expect(headers.get('cross-origin-opener-policy')).toBeNull();
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-robots-tag')).toContain('noindex');
      const policy = (headers.get('content-security-policy') ?? '').split('; ');
      expect(policy).toContain('sandbox allow-scripts allow-forms');
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self'");
      expect(policy).toContain('frame-ancestors *');
      expect(headers.getSetCookie()).toEqual([]);
    },
  );

  it('lets a page without an origin call, with no sign-in; the APIs still let none', async () => {
    expect((await get(`${own}/state`)).headers.get('access-control-allow-origin')).toBe('*');
    expect((await get(`${own}/state`)).headers.get('access-control-allow-credentials')).toBeNull();
    const preflight = (path: string): Promise<Answer> =>
      fleet.request('OPTIONS', path, {
        headers: {
          ...fromFrame,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type',
        },
      });
    const { status, headers } = await preflight(`${own}/messages`);
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    expect(headers.get('access-control-allow-headers')).toContain('Content-Type');
    for (const path of ['/api/agents', '/api/v1/agents', '/~console/approvals', '/token']) {
      expect((await preflight(path)).headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('shows what was said and done, live, and goes on after a cut where it stopped', async () => {
    const stream = await open(own);
    await ended(stream, 1);
    expect(stream.of('state')[0]?.data).toMatchObject({ name: 'talker', state: 'running' });
    expect(await post(`${own}/messages`, { message: '<<say one two>><<write a.txt hi>>' })).toMatchObject({
      status: 200,
      body: { sent: true, turn_id: expect.any(String) as string },
    });
    await ended(stream, 2);
    expect(kinds(stream)).toContain('tool_call');
    const text = JSON.stringify(stream.events);
    expect(text).toContain('one two');
    // Nobody's id, and no cost.
    for (const word of ['userId', '"by"', 'costUsd', 'cost_usd', 'inputTokens']) expect(text).not.toContain(word);
    const numbers = stream.of('event').map(({ id }) => Number(id));
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));

    const again = await open(own, { 'last-event-id': '3' });
    await ended(
      again,
      2 -
        kinds(stream)
          .slice(0, 3)
          .filter((kind) => kind === 'turn_ended').length,
    );
    expect(again.of('event').map(({ id }) => Number(id))).toEqual(numbers.slice(3));
    const all = (await get(`${own}/messages`)).body['messages'] as { role: string; text: string }[];
    expect(all.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect(all.at(-1)?.text).toContain('one two');
  });

  it('answers approvals and questions of its own conversation, exactly once, and of no other', async () => {
    await ada.put('/~console/agents/talker/settings', { approvals: 'ask' });
    const stream = await open(own);
    await post(`${own}/messages`, { message: '<<write b.txt yes>><<ask Which one? | Red | Blue>>' });
    const approval = await waiting(stream, 'approvals');
    expect(approval).toMatchObject({ title: 'Write b.txt' });
    expect((await post(`${other}/approvals/${approval.id}`, { decision: 'allow' })).status).toBe(404);
    expect((await post(`${own}/questions/${approval.id}`, { answers: null })).status).toBe(404);
    expect((await post(`${own}/approvals/${approval.id}`, { decision: 'perhaps' })).status).toBe(400);
    expect(await post(`${own}/approvals/${approval.id}`, { decision: 'allow' })).toMatchObject({
      status: 200,
      body: { answered: true },
    });
    expect((await post(`${own}/approvals/${approval.id}`, { decision: 'allow' })).status).toBe(409);
    const question = await waiting(stream, 'questions');
    const [{ key }] = question.questions as [{ key: string }];
    expect((await post(`${other}/questions/${question.id}`, { answers: { [key]: ['Blue'] } })).status).toBe(404);
    expect((await post(`${own}/questions/${question.id}`, { answers: { [key]: [7] } })).status).toBe(400);
    expect((await post(`${own}/questions/${question.id}`, { answers: { [key]: ['Blue'] } })).status).toBe(200);
    await until('nothing waits', () => stream.of('waiting').at(-1)?.data.questions.length === 0);
    await until('it has heard', () => JSON.stringify(stream.events).includes('Answer: Blue'));
    await ada.put('/~console/agents/talker/settings', { approvals: 'auto' });
  });

  it('stops what is worked on and what waits', async () => {
    const stream = await open(own);
    await post(`${own}/messages`, { message: '<<slow 600 100>>' });
    await post(`${own}/messages`, { message: '<<say never>>' });
    await until('it speaks', () => stream.of('delta').length > 0);
    expect((await post(`${own}/stop`)).body).toEqual({ stopped: 2 });
    await until('both have ended', () => {
      const states = stream.of('event').flatMap(({ data }) => (data.kind === 'turn_ended' ? [data.data.state] : []));
      return states.slice(-2).join() === 'cancelled,cancelled';
    });
    expect((await post(`${own}/stop`)).body).toEqual({ stopped: 0 });
  });

  it('gives no right to anything else: that is not there', async () => {
    const [row] = await fleet.db.query<{ id: string }>(
      `select s.id from sessions s join users u on u.id = s.user_id where u.username = 'admin'`,
    );
    const theirs = row?.id ?? '';
    const foreign = other.split('/').at(-1) ?? '';
    const asked: [string, string][] = [
      ['GET', `${own}/messages?sessionId=${theirs}`],
      ['GET', `${own}/messages?sessionId=ses_${theirs.replaceAll('-', '')}`],
      ['GET', `${own}/sessions`],
      ['GET', `${own}/sessions/${theirs}/messages`],
      ['POST', `${own}/sessions`],
      ['POST', `${own}/start`],
      ['POST', `${own}/restart`],
      ['DELETE', own],
      ['PUT', own],
      ['PATCH', `${own}/messages`],
      ['DELETE', `${own}/messages`],
      ['GET', `${own}/usage`],
      ['GET', `${own}/secrets`],
      ['GET', `${own}/files`],
      ['GET', `${own}/../${foreign}x`],
      ['GET', `${agent}/messages`],
      ['GET', `${agent}/stream`],
      ['GET', `${agent}/sessions`],
      ['POST', `${agent}/messages`],
      ['POST', `${agent}/stop`],
      ['DELETE', agent],
      ['GET', own.replace('/s/', '/a/')],
      ['GET', agent.replace('/a/', '/s/')],
      ['GET', `${agent.replace('/a/', '/s/')}/state`],
      ['GET', `/s/${'A'.repeat(48)}`],
      ['GET', '/s/x/state'],
      ['GET', '/s/'],
      ['GET', '/a'],
      ['POST', `/s/${'A'.repeat(48)}/messages`],
    ];
    const wrong: string[] = [];
    for (const [method, path] of asked) {
      const { status } = await fleet.request(method, path, { ...(method === 'GET' ? {} : { json: {} }) });
      if (status !== 404) wrong.push(`${method} ${path}: ${status}`);
    }
    expect(wrong).toEqual([]);
    // Where it leads nowhere, a body is not even looked at.
    expect(
      await fleet.request('POST', '/s/x/messages', { body: '{bad', headers: { 'content-type': 'application/json' } }),
    ).toMatchObject({ status: 404, body: { error: 'There is nothing here', code: 'not_found' } });
  });

  it('says what is wrong with a body', async () => {
    expect((await post(`${own}/messages`)).status).toBe(400);
    expect((await post(`${own}/messages`, { message: '  ' })).status).toBe(400);
    expect((await post(`${own}/messages`, { message: 'x'.repeat(100_001) })).body).toMatchObject({
      code: 'message_too_long',
    });
    expect((await post(`${own}/messages`, { message: 'x'.repeat(1_100_000) })).status).toBe(413);
    const bad = { body: '{bad', headers: { 'content-type': 'application/json' } };
    expect(await fleet.request('POST', `${own}/messages`, bad)).toMatchObject({
      status: 400,
      body: { code: 'invalid_json' },
    });
  });

  it('loads and says so when the agent is stopped, refuses a message, and is alive after the start', async () => {
    await givenAgent('sleeper');
    const path = await begin('sleeper', ada);
    const stream = await open(path);
    await ended(stream, 1);
    await ada.post('/api/agents/sleeper/stop');
    await until('the page hears', () => stream.of('state').at(-1)?.data.state === 'stopped');
    expect((await fleet.request('GET', path)).status).toBe(200);
    expect((await get(`${path}/state`)).body).toMatchObject({ name: 'sleeper', state: 'stopped' });
    expect(await post(`${path}/messages`, { message: 'hi' })).toMatchObject({
      status: 400,
      body: { code: 'agent_not_running', error: 'Agent is not running' },
    });
    expect((await get(`${path}/messages`)).body['messages']).toHaveLength(2);
    await ada.post('/api/agents/sleeper/start');
    await until('the page hears', () => stream.of('state').at(-1)?.data.state === 'running');
    expect((await post(`${path}/messages`, { message: '<<say back>>' })).status).toBe(200);
    await ended(stream, 2);
  });

  it('is dead when the agent is deleted: the open stream says gone and ends', async () => {
    const { id } = await givenAgent('passing');
    const address = pathOf(fleet.app.get(LinkAddresses).agentUrl(id));
    const path = await begin('passing', ada);
    const stream = await open(path);
    await ended(stream, 1);
    await ada.delete('/api/agents/passing');
    await stream.ended;
    expect(stream.of('state').at(-1)?.data).toEqual({ state: 'gone' });
    for (const gone of [path, `${path}/state`, `${path}/stream`, address, `${address}/state`]) {
      expect((await get(gone)).status).toBe(404);
    }
    expect((await post(`${path}/messages`, { message: 'hi' })).status).toBe(404);
  });

  it('sleeps while its user is suspended', async () => {
    await fleet.db.query(`update users set suspended_at = now() where username = 'ada'`);
    expect((await get(own)).status).toBe(404);
    expect((await get(`${agent}/state`)).status).toBe(404);
    await fleet.db.query(`update users set suspended_at = null where username = 'ada'`);
    expect((await get(own)).status).toBe(200);
  });
});
