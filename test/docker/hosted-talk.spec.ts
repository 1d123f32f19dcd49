import { execFileSync } from 'node:child_process';
import { describeDocker } from '../chaos/rig/docker-world.js';
import { Talk } from '../e2e/hostedagents/support.js';
import { until } from '../support/until.js';
import { OpencodeWorld, slowMs } from './turns-support.js';

// The Hosted Agents API and real OpenCode in a real container: what asks is answered, what runs is stopped, files arrive.
describeDocker('talking to OpenCode over the Hosted Agents API', () => {
  let world: OpencodeWorld;
  let talk: Talk;
  beforeAll(async () => {
    world = await OpencodeWorld.with(['hosted']);
    await world.admin.put('/~console/agents/hosted/settings', { approvals: 'ask' });
    const { body } = await world.admin.post('/api/v1/tokens', { label: 'test' });
    const hosted = world.admin.as(String(body['token']));
    const { body: list } = await hosted.get<{ agents: { agentId: string }[] }>('/api/v1/agents');
    talk = new Talk(hosted, list.agents[0]?.agentId ?? 'none');
  }, 1_500_000);
  afterAll(() => world.close(), slowMs);

  const idle = (): Promise<boolean> => until('OpenCode is idle', async () => !(await talk.busy()), slowMs);
  const asked = (kind: 'permissions' | 'questions') =>
    until(`one of the ${kind} waits`, async () => (await talk.pending(kind))[0], slowMs);

  it('reads a file that was handed to it', async () => {
    const form = new FormData();
    form.append('file', new Blob(['the secret word is tangerine\n']), 'note.txt');
    const sent = await fetch(world.server.url + talk.path('/files'), {
      method: 'POST',
      headers: { authorization: `Bearer ${talk.hosted.token ?? ''}` },
      body: form,
    });
    expect([sent.status, await sent.json()]).toMatchObject([200, { file: { path: '/workspace/uploads/note.txt' } }]);
    const ref = await world.refOf('hosted');
    const owner = execFileSync('docker', [
      'exec',
      ref,
      'stat',
      '-c',
      '%U %a',
      '/workspace/uploads/note.txt',
    ]).toString();
    expect(owner.trim()).toBe('developer 644');
    const session = await talk.say('<<read uploads/note.txt>> <<say read it>>');
    await idle();
    const [, answer] = await talk.messages(`?sessionId=${session}`);
    expect(answer?.text).toContain('read it');
    expect(JSON.stringify(answer?.parts.filter(({ type }) => type === 'tool'))).toContain('tangerine');
    expect(answer?.info).toMatchObject({ finish: 'stop' });
  }, 480_000);

  it('is allowed what it asks for, and answered', async () => {
    const session = await talk.say('<<write made.txt hi>> <<ask Which one? | First | Second>> <<say over>>');
    const permission = await asked('permissions');
    expect(permission).toMatchObject({
      permission: 'edit',
      tool: { messageID: expect.stringMatching(/^msg_/) as string },
    });
    expect((await talk.post(`/permissions/${permission.id}/reply`, { reply: 'once' })).body).toEqual({
      replied: true,
      reply: 'once',
    });
    const question = await asked('questions');
    expect(question).toMatchObject({ questions: [{ multiSelect: false }] });
    const [first] = (question['questions'] as { options: { label: string }[] }[])[0]?.options ?? [];
    const answers = [[first?.label ?? '']];
    expect((await talk.post(`/questions/${question.id}/reply`, { answers })).body).toEqual({ replied: true });
    await idle();
    const [, answer] = await talk.messages(`?sessionId=${session}`);
    expect(answer?.text).toContain('over');
    const states = answer?.parts.filter(({ type }) => type === 'tool').map((part) => part['state']);
    expect(states).toMatchObject([{ status: 'completed' }, { status: 'completed' }]);
  }, 480_000);

  it('is stopped in two sessions at once, and goes on', async () => {
    const one = await talk.say('<<slow 200 500>>');
    const two = await talk.say('<<slow 200 500>>');
    await until(
      'both work',
      async () => {
        const rows = await world.server.sql<{ n: number }>(
          `select count(*)::int as n from turns where state = 'running'`,
        );
        return rows[0]?.n === 2;
      },
      slowMs,
    );
    expect((await talk.post('/abort')).body['aborted']).toEqual([one, two]);
    await idle();
    for (const session of [one, two]) {
      const answer = (await talk.messages(`?sessionId=${session}`)).at(-1);
      expect(answer?.info['error']).toMatchObject({ name: 'MessageAbortedError' });
    }
    await talk.say('<<say still here>>', one);
    await idle();
    expect((await talk.messages(`?sessionId=${one}`)).at(-1)?.text).toContain('still here');
    const { body } = await talk.get<{
      cost: number;
      tokens: { input: number };
      sessions: { tokens: { input: number } }[];
    }>('/usage');
    expect(body.tokens.input).toBe(body.sessions.reduce((sum, { tokens }) => sum + tokens.input, 0));
    expect(body.tokens.input).toBeGreaterThan(0);
  }, 480_000);
});
