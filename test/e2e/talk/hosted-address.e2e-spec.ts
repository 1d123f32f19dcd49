import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';

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
});
