import { ownNamedIdOf } from '../../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';
import { Talk } from '../hostedagents/support.js';

/** Embedding (contract section 8, test 20 of section 9). */
describe('addresses in the Hosted Agents API', () => {
  let fleet: Fleet;
  let hosted: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    hosted = await fleet.hosted();
    await fleet.givenAgent('guide');
    await fleet.chat('guide', '<<say first>>');
    const [row] = await fleet.db.query<{ id: string }>('select id from sessions');
    await fleet.admin.post(`/api/agents/guide/chat/sessions/${row?.id ?? ''}/close`);
    await fleet.chat('guide', '<<say second>>');
  }, 180_000);
  afterAll(() => fleet.close());

  it("an agent's and its sessions' are given, and lead there without any header: a session's to that one only", async () => {
    const { agents } = (await hosted.get<{ agents: { agentId: string; url: string }[] }>('/api/v1/agents')).body;
    const [agent] = agents;
    const { body } = await hosted.get<{ url: string; sessions: { id: string; url: string }[] }>(
      `/api/v1/agents/${agent?.agentId ?? ''}`,
    );
    expect(body.url).toBe(agent?.url);
    const [second, first] = body.sessions;
    expect(new Set([body.url, first?.url, second?.url]).size).toBe(3);
    const open = async (url = '', rest = ''): Promise<Answer> =>
      fleet.request('GET', new URL(url + rest).pathname + new URL(url + rest).search);
    for (const url of [body.url, first?.url, second?.url]) expect((await open(url)).status).toBe(200);
    const said = async (url?: string): Promise<string | undefined> => {
      const { messages } = (await open(url, '/messages')).body as unknown as { messages: { text: string }[] };
      return messages[1]?.text;
    };
    expect([await said(first?.url), await said(second?.url)]).toEqual(['first', 'second']);
    expect((await open(first?.url, `/messages?sessionId=${first?.id ?? ''}`)).status).toBe(200);
    expect((await open(first?.url, `/messages?sessionId=${second?.id ?? ''}`)).status).toBe(404);
    expect((await open(first?.url, `/sessions/${second?.id ?? ''}/messages`)).status).toBe(404);
    expect((await open(body.url, '/messages')).status).toBe(404);
  });

  it('a reject on the page takes with it what else waits: the turn ends, or goes on with what was said', async () => {
    const talk = await Talk.with(fleet, 'asker', 'ask');
    const sessionId = await talk.say('<<both no-1.txt no-2.txt>><<slow 600 100>>');
    const { body } = await talk.get<{ sessions: { url: string }[] }>();
    const page = new URL(body.sessions[0]?.url ?? '').pathname;
    const reject = async (json: object): Promise<number> => {
      const [asked] = await talk.asked('permissions', 2);
      const id = ownNamedIdOf('approval', asked?.id ?? '') ?? '';
      return (await fleet.request('POST', `${page}/approvals/${id}`, { json: { decision: 'reject', ...json } })).status;
    };
    const last = async (): Promise<unknown> => (await talk.messages(`?sessionId=${sessionId}`)).at(-1);
    expect(await reject({})).toBe(200);
    expect(await talk.pending('permissions')).toEqual([]);
    await talk.idle();
    expect(await last()).toMatchObject({ info: { error: { name: 'MessageAbortedError' } } });

    await talk.say('<<both no-3.txt no-4.txt>>', sessionId);
    expect(await reject({ message: 'Say it. <<say said instead>>' })).toBe(200);
    expect(await talk.pending('permissions')).toEqual([]);
    expect((await talk.busy()) || JSON.stringify(await last()).includes('said instead')).toBe(true);
    await talk.idle();
    expect(await last()).toMatchObject({ role: 'assistant', text: 'said instead' });
    for (const name of ['no-1', 'no-2', 'no-3', 'no-4'])
      expect((await fleet.admin.get(`/api/agents/asker/files/download?path=${name}.txt`)).status).toBe(404);
  });
});
