import { execFileSync } from 'node:child_process';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { requestHandler } from '../../src/demo-model/server.js';
import { Models } from '../../src/core/runtimes/models.port.js';
import { Prompts } from '../../src/core/sessions/prompts.service.js';
import { cleanUp, describeDocker, docker } from '../chaos/rig/docker-world.js';
import {
  answerApproval,
  eventsOf,
  givenAsking,
  requestsOf,
  turnsOf,
  untilAsked,
  untilTurn,
} from '../e2e/sessions/support.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import { until } from '../support/until.js';

// Real runtimes in real containers, answered by the demo model.
jest.setTimeout(180_000);
const buildMs = 1_500_000;

interface Chat {
  readonly response: string;
  readonly execution_log: readonly { readonly tool: string; readonly output: unknown; readonly success: boolean }[];
  readonly metadata: { readonly cost_usd: number; readonly input_tokens: number; readonly tool_count: number };
}

/** A server with the real engine; `close` takes everything of it along. */
function bootDocker(env: Readonly<Record<string, string>> = {}): Promise<Fleet> {
  return bootFleet({
    engine: undefined,
    env: { FLOTILLA_ENGINE: 'docker', OPENAI_API_KEY: '', FLOTILLA_DEFAULT_RUNTIME: 'opencode', ...env },
  });
}

async function closeDocker(fleet: Fleet): Promise<void> {
  const [one] = await fleet.engine.list();
  const install = one && (await docker.getContainer(one.ref).inspect()).Config.Labels['flotilla.install'];
  await fleet.app.get(Models).stop();
  await fleet.close();
  await cleanUp(install ?? '');
}

const chat = async (fleet: Fleet, agent: string, message: string): Promise<Chat> => {
  const { status, body } = await fleet.chat(agent, message);
  if (status !== 200) throw new Error(`${agent} answered ${status} ${JSON.stringify(body)}`);
  return body as unknown as Chat;
};
const download = async (fleet: Fleet, agent: string, path: string): Promise<[number, unknown]> => {
  const { status, body } = await fleet.admin.get<unknown>(`/api/agents/${agent}/files/download?path=${path}`);
  return [status, status === 200 ? body : null];
};
const answer = (fleet: Fleet, id: string, body: object) => fleet.admin.post(`/~console/questions/${id}/answer`, body);
const cancel = async (fleet: Fleet, agent: string): Promise<void> => {
  const { id, userId } = await untilTurn(fleet, agent, 'running', 60_000);
  const admin = { userId, role: 'admin', orgIds: [], permissions: new Set(), via: { kind: 'system' } };
  await fleet.app.get(Prompts).cancel(admin as never, id);
};

describeDocker('runtimes that ask', () => {
  let fleet: Fleet;
  beforeAll(async () => (fleet = await bootDocker()), buildMs);
  afterAll(() => closeDocker(fleet));

  describe.each(['opencode', 'claude-code'])('%s', (runtime) => {
    const auto = `auto-${runtime}`;
    const ask = `ask-${runtime}`;
    beforeAll(async () => {
      await fleet.givenAgent(auto, { runtime });
      await givenAsking(fleet, ask, fleet.admin, { runtime });
      for (const agent of [auto, ask]) await chat(fleet, agent, '<<say warm>>');
    }, buildMs);

    it('writes, runs and reads', async () => {
      const { response, execution_log, metadata } = await chat(
        fleet,
        auto,
        '<<write hello.txt hi>> <<bash echo from bash; cat hello.txt>> <<read hello.txt>> <<say done>>',
      );
      expect(response).toBe('done');
      expect(execution_log.map(({ success }) => success)).toEqual([true, true, true]);
      expect(JSON.stringify(execution_log[1]?.output)).toContain('from bash');
      expect(await download(fleet, auto, 'hello.txt')).toEqual([200, expect.stringMatching(/^hi\n?$/)]);
      expect(metadata.input_tokens).toBeGreaterThan(0);
      expect(metadata.cost_usd).toBe(0); // the demo model is free
      const events = await eventsOf(fleet, auto);
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    });

    it('tells a failure of the model', async () => {
      const { status, body } = await fleet.chat(auto, '<<fail 400>>');
      expect([status, (body as { detail: string }).detail]).toEqual([
        500,
        expect.stringContaining('Scripted failure 400 of the demo model'),
      ]);
      expect((await turnsOf(fleet, auto)).at(-1)).toMatchObject({ state: 'failed' });
    });

    it('can be cancelled while it speaks, and goes on afterwards', async () => {
      const running = fleet.chat(auto, '<<slow 300 100>>');
      await cancel(fleet, auto);
      expect((await running).status).toBe(409);
      expect(await untilTurn(fleet, auto, 'cancelled')).toMatchObject({ error: null });
      expect((await chat(fleet, auto, '<<say alive>>')).response).toBe('alive');
    });

    it('declines questions at once where nobody attends', async () => {
      await chat(fleet, auto, '<<ask Which? | Red | Blue>> <<say over>>');
      const answered = (await eventsOf(fleet, auto)).filter(({ kind }) => kind === 'question_answered');
      expect(answered.map(({ data }) => data)).toMatchObject([{ declined: true, by: 'policy' }]);
    });

    it('waits for approvals: allowed', async () => {
      const running = chat(fleet, ask, '<<write yes.txt hi>> <<say went on>>');
      const open = await untilAsked(fleet, 'approvals', ask);
      expect(open.pattern).toContain('yes.txt');
      expect((await download(fleet, ask, 'yes.txt'))[0]).toBe(404);
      await answerApproval(fleet, open.id, { decision: 'allow' });
      expect((await running).response).toBe('went on');
      expect((await download(fleet, ask, 'yes.txt'))[0]).toBe(200);
    });

    it('waits for approvals: rejected', async () => {
      const running = fleet.chat(ask, '<<bash touch no.txt>>');
      const open = await untilAsked(fleet, 'approvals', ask);
      expect(open.pattern).toBe('execute: touch no.txt');
      await answerApproval(fleet, open.id, { decision: 'reject' });
      expect((await running).status).toBe(200);
      expect((await download(fleet, ask, 'no.txt'))[0]).toBe(404);
    });

    it('is told `once` when a person says always: the rule is ours', async () => {
      const first = chat(fleet, ask, '<<bash touch again.txt>> <<say one>>');
      const open = await untilAsked(fleet, 'approvals', ask);
      await answerApproval(fleet, open.id, { decision: 'always' });
      await first;
      expect((await chat(fleet, ask, '<<bash touch again.txt>> <<say two>>')).response).toBe('two');
      expect((await requestsOf(fleet, ask)).at(-1)).toMatchObject({
        pattern: 'execute: touch again.txt',
        answeredBy: 'policy',
      });
    });

    it('asks a question and hears the answer', async () => {
      const running = chat(fleet, ask, '<<ask Which colour? | Red | Blue>> <<say asked>>');
      const open = await untilAsked(fleet, 'questions', ask);
      const { questions } = open as unknown as { questions: { key: string; options: { label: string }[] }[] };
      expect(questions[0]?.options.map(({ label }) => label)).toEqual(['Red', 'Blue']);
      await answer(fleet, open.id, { answers: { [questions[0]?.key ?? '']: ['Blue'] } });
      const { response, execution_log } = await running;
      expect(response).toBe('asked');
      expect(JSON.stringify(execution_log.at(-1))).toContain('Blue');
    });

    it('asks a question and hears that nobody answers', async () => {
      const running = fleet.chat(ask, '<<ask Which colour? | Red | Blue>> <<say asked>>');
      const { id } = await untilAsked(fleet, 'questions', ask);
      expect((await answer(fleet, id, {})).status).toBe(200);
      expect((await running).status).toBe(200);
      expect((await requestsOf(fleet, ask)).at(-1)).toMatchObject({ state: 'answered', answer: { declined: true } });
    });
  });
});

const all = process.env.FLOTILLA_TEST_ALL_RUNTIMES === '1' ? describeDocker : describe.skip;

all('the other runtimes', () => {
  let fleet: Fleet;
  beforeAll(async () => (fleet = await bootDocker()), buildMs);
  afterAll(() => closeDocker(fleet));

  it.each(['gemini-cli', 'codex'])(
    '%s writes, runs, and tells a failure of the model',
    async (runtime) => {
      await fleet.givenAgent(runtime, { runtime });
      const { response } = await chat(fleet, runtime, '<<write a.txt hi>> <<bash cat a.txt>> <<say done>>');
      expect(response).toBe('done');
      expect((await download(fleet, runtime, 'a.txt'))[0]).toBe(200);
      const failed = await fleet.chat(runtime, '<<fail 400>>');
      expect([failed.status, (failed.body as { detail: string }).detail]).toEqual([
        500,
        expect.stringContaining('Scripted failure 400'),
      ]);
    },
    buildMs,
  );
});

describeDocker('a provider key', () => {
  const canary = `sk-canary-${Date.now().toString(36)}`;
  const seen = new Set<string | undefined>();
  let fleet: Fleet;
  let provider: http.Server;
  beforeAll(async () => {
    const model = requestHandler({ targets: {}, log: () => undefined, control: null });
    provider = http.createServer((request, response) => {
      seen.add(request.headers.authorization);
      model(request, response);
    });
    await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve));
    const { port } = provider.address() as AddressInfo;
    fleet = await bootDocker({
      OPENAI_API_KEY: canary,
      OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
      FLOTILLA_DEFAULT_MODEL: 'any-model',
    });
    await fleet.givenAgent('keyed', { runtime: 'opencode' });
  }, buildMs);
  afterAll(async () => {
    await closeDocker(fleet);
    provider.closeAllConnections();
    await new Promise((resolve) => provider.close(resolve));
  });

  it('reaches a model server on this machine through the relay, and is seen nowhere else', async () => {
    const running = chat(fleet, 'keyed', '<<bash sleep 3>> <<say done>>');
    await until('the tool runs', async () => (await turnsOf(fleet, 'keyed')).at(-1)?.toolCount === 1, 90_000);
    const { ref } = await fleet.instanceOf('keyed');
    const container = ref ?? '';
    const places = {
      'the process list outside': execFileSync('ps', ['-eo', 'args', '-ww']),
      'the process list inside': execFileSync('docker', ['exec', container, 'ps', '-eo', 'args', '-ww']),
      'docker inspect': execFileSync('docker', ['inspect', container]),
      'the container log': execFileSync('docker', ['logs', container], { stdio: ['ignore', 'pipe', 'pipe'] }),
      'files of the agent and of Flotilla': execFileSync('docker', [
        ...['exec', '-u', '0', container, 'sh', '-c'],
        `grep -rlF ${canary} '${fleet.engine.pathOf(container, 'run')}' /etc /tmp 2>/dev/null; true`,
      ]),
    };
    for (const [place, bytes] of Object.entries(places)) {
      expect({
        place,
        leaks: bytes.toString().includes(canary) || (place.startsWith('files') && bytes.length > 0),
      }).toEqual({
        place,
        leaks: false,
      });
    }
    expect((await running).response).toBe('done');
    expect([...seen]).toEqual([`Bearer ${canary}`]);
    const rows = await fleet.db.query<{ dump: string }>(
      `select (select coalesce(json_agg(e)::text, '') from session_events e) || (select coalesce(json_agg(o)::text, '') from outbox o)
         || (select coalesce(json_agg(l)::text, '') from runtime_lines l) as dump`,
    );
    expect(rows[0]?.dump).not.toContain(canary);
  });
});
