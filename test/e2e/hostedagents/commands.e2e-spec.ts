import { LocalEngine } from '../../../src/adapters/local/local.engine.js';
import { ChannelError, Channels } from '../../../src/core/instances/channel.port.js';
import { EngineError } from '../../../src/core/instances/engine.errors.js';
import { AgentStarts } from '../../../src/core/sessions/agent-starts.service.js';
import { Conversations } from '../../../src/core/sessions/conversations.service.js';
import { Prompts } from '../../../src/core/sessions/prompts.service.js';
import { ownIdOf } from '../../../src/dialects/hostedagents/words.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { SwitchableEngine } from '../../support/switchable-engine.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';
import { Talk } from './support.js';

type Body = Answer['body'];
const agents = '/api/v1/agents';
const gone = { error: 'Agent not found', code: 'agent_not_found' };
const text = expect.stringMatching(/./) as string;

/** How long callers wait, and what others do meanwhile (contract 1.5, 2). */
describe('commands', () => {
  let fleet: Fleet;
  let hosted: TrinityClient;
  let engine: SwitchableEngine;
  beforeAll(async () => {
    fleet = await bootFleet({
      engine: (config, installId) => (engine = new SwitchableEngine(config, installId)),
      env: { HOSTEDAGENTS_MAX_RUNNING: '1000' },
    });
    hosted = await fleet.hosted();
  });
  afterAll(() => fleet.close());
  afterEach(() => jest.restoreAllMocks());

  /** Something that waits until the test says go. */
  function gate(): { readonly shut: Promise<void>; open(): void } {
    let open = (): void => undefined;
    const shut = new Promise<void>((resolve) => (open = resolve));
    return { shut, open: () => open() };
  }
  async function given(): Promise<string> {
    const { status, body } = await hosted.post(agents, { name: 'given' });
    expect([status, status === 200 ? null : body]).toEqual([200, null]);
    return String(body['agentId']);
  }
  const post = (id: string, call: string, body?: object) => hosted.post(`${agents}/${id}/${call}`, body);
  const read = async (id: string): Promise<Body> => (await hosted.get(`${agents}/${id}`)).body;
  const is = (id: string, status: string): Promise<Body> =>
    until(`it is ${status}`, async () => {
      const body = await read(id);
      return body['status'] === status && body;
    });
  const stored = async (id: string): Promise<{ state?: string; desired?: string; renews?: boolean }> =>
    (
      await fleet.db.query<{ state: string; desired: string; renews: boolean }>(
        'select state, desired, renew_at is not null as renews from instances where agent_id = $1',
        [ownIdOf(id)],
      )
    )[0] ?? {};
  const listed = (name: string): Promise<string> =>
    until('it is listed', async () => {
      const { body } = await hosted.get<{ agents: Body[] }>(`${agents}?status=PROVISIONING`);
      const found = body.agents.find((one) => one['name'] === name);
      return found && String(found['agentId']);
    });
  const prompts = async (id: string): Promise<string[]> =>
    (await fleet.db.query<{ prompt: string }>('select prompt from turns where agent_id = $1', [ownIdOf(id)])).map(
      ({ prompt }) => prompt,
    );

  describe('a creation', () => {
    it('that takes more than 60 seconds is answered as it is, busy with the prompt that waits', async () => {
      const building = gate();
      engine.building = building.shut;
      const starts = fleet.app.get(AgentStarts);
      const real = starts.create.bind(starts);
      jest.spyOn(starts, 'create').mockImplementation((who, wish, options) => {
        expect(options.waitSeconds).toBe(60);
        return real(who, wish, { ...options, waitSeconds: 0.2 });
      });
      const { status, body } = await hosted.post(agents, { name: 'late', initialPrompt: 'begin <<say begun>>' });
      expect([status, body]).toMatchObject([200, { status: 'PROVISIONING', sessions: [] }]);
      const id = String(body['agentId']);
      expect(await read(id)).toMatchObject({ status: 'PROVISIONING', busy: true, sessions: [] });
      const idle = (await hosted.post(agents, { name: 'promptless' })).body['agentId'];
      expect(await read(String(idle))).toMatchObject({ status: 'PROVISIONING', busy: false });
      engine.building = null;
      building.open();
      // As in the document's own loop: the first look that says it is not busy comes after the answer.
      const done = await until('the work is done', async () => {
        const now = await read(id);
        return now['busy'] === false && now;
      });
      expect(done).toMatchObject({ status: 'RUNNING', sessions: [{ busy: false }] });
      expect((await new Talk(hosted, id).messages()).map(({ role, text: said }) => [role, said])).toEqual([
        ['user', 'begin <<say begun>>'],
        ['assistant', expect.stringMatching(/begun$/)],
      ]);
    });

    it('that fails says so, and leaves an agent that says why', async () => {
      jest.spyOn(engine, 'create').mockRejectedValue(new EngineError('no_image', 'no such image: scripted'));
      const { status, body } = await hosted.post(agents, { name: 'broken', initialPrompt: 'never' });
      const error = expect.stringContaining('no such image: scripted') as string;
      expect([status, body]).toEqual([503, { error, code: 'start_failed', agentId: text }]);
      expect(await read(String(body['agentId']))).toMatchObject({
        name: 'broken',
        status: 'ERROR',
        busy: false,
        lastError: error,
        sessions: [],
      });
    });

    it('goes on when the caller goes away', async () => {
      const building = gate();
      engine.building = building.shut;
      const left = new AbortController();
      const call = fetch(fleet.url + agents, {
        method: 'POST',
        headers: { authorization: `Bearer ${hosted.token ?? ''}`, 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'left alone', initialPrompt: 'alone <<say alone>>' }),
        signal: left.signal,
      });
      const id = await listed('left alone');
      left.abort();
      await expect(call).rejects.toThrow();
      engine.building = null;
      building.open();
      await is(id, 'RUNNING');
      await until('its prompt was sent', async () => (await prompts(id)).length > 0);
      expect(await prompts(id)).toEqual(['alone <<say alone>>']);
    });
  });

  describe('meanwhile', () => {
    it('deleted: whoever waits for it to be made or started finds no agent', async () => {
      const held = gate();
      engine.building = held.shut;
      const making = hosted.post(agents, { name: 'unwanted' });
      const deleting = [hosted.delete(`${agents}/${await listed('unwanted')}`)];
      const made = await making;
      expect([made.status, made.body]).toEqual([404, gone]);
      engine.building = null;
      held.open();

      const id = await given();
      await post(id, 'stop');
      const start = gate();
      engine.starting = start.shut;
      const starting = post(id, 'start');
      await is(id, 'PROVISIONING');
      deleting.push(hosted.delete(`${agents}/${id}`));
      const started = await starting;
      expect([started.status, started.body]).toEqual([404, gone]);
      engine.starting = null;
      start.open();
      for (const { body } of await Promise.all(deleting)) expect(body).toEqual({ deleted: true });
    });

    it('deleted: whoever was about to command it or to talk finds no agent', async () => {
      const starts = fleet.app.get(AgentStarts);
      const conversations = fleet.app.get(Conversations);
      const sending = fleet.app.get(Prompts);
      const late = async (call: string, json: object, arrange: (first: () => Promise<unknown>) => void) => {
        const id = await given();
        arrange(() => hosted.delete(`${agents}/${id}`));
        const { status, body } = await post(id, call, json);
        jest.restoreAllMocks();
        expect([call, status, body]).toEqual([call, 404, gone]);
      };
      for (const call of ['start', 'stop', 'restart'] as const) {
        const real = starts[call].bind(starts) as (...given: unknown[]) => Promise<never>;
        await late(call, {}, (first) =>
          jest.spyOn(starts, call).mockImplementation(async (...given: unknown[]) => {
            await first();
            return real(...given);
          }),
        );
      }
      const send = sending.send.bind(sending);
      await late('messages', { message: 'x' }, (first) =>
        jest.spyOn(sending, 'send').mockImplementation(async (...given) => {
          await first();
          return send(...given);
        }),
      );
      const open = conversations.open.bind(conversations);
      await late('sessions', {}, (first) =>
        jest.spyOn(conversations, 'open').mockImplementation(async (...given) => {
          await first();
          return open(...given);
        }),
      );
    });

    it('stopped: a restart that had not begun is one that failed', async () => {
      const id = await given();
      const looking = gate();
      const real = engine.inspect.bind(engine);
      const held = jest.spyOn(engine, 'inspect').mockImplementation(async (instanceId) => {
        await looking.shut;
        return real(instanceId);
      });
      const restarting = post(id, 'restart');
      await until('it was asked', async () => (await stored(id)).renews);
      const stopping = post(id, 'stop');
      const { status, body } = await restarting;
      expect([status, body]).toEqual([503, { error: text, code: 'start_failed' }]);
      looking.open();
      held.mockRestore();
      expect((await stopping).body).toEqual({ agentId: id, status: 'STOPPED', stopped: true });
    });

    it('started: a stop is one that failed; stopped by another: that one stopped it', async () => {
      const id = await given();
      const real = engine.stop.bind(engine);
      let ending = gate();
      jest.spyOn(engine, 'stop').mockImplementation(async (...given) => {
        await ending.shut;
        return real(...given);
      });
      const stopping = post(id, 'stop');
      await until('it ends', async () => (await stored(id)).state === 'stopping');
      const starting = post(id, 'start');
      const { status, body } = await stopping;
      expect([status, body]).toEqual([503, { error: text, code: 'stop_failed' }]);
      ending.open();
      expect((await starting).body).toEqual({ agentId: id, status: 'RUNNING', started: true });

      ending = gate();
      const first = post(id, 'stop');
      await until('it is asked to end', async () => (await stored(id)).desired === 'stopped');
      const second = post(id, 'stop');
      await until('both wait', async () => (await stored(id)).state === 'stopping');
      ending.open();
      expect((await first).body).toEqual({ agentId: id, status: 'STOPPED', stopped: true });
      expect((await second).body).toEqual({ agentId: id, status: 'STOPPED', stopped: false });
      await post(id, 'start');
      const both = await Promise.all([post(id, 'stop'), post(id, 'stop')]);
      expect(both.map((one) => [one.status, one.body['stopped']]).sort()).toEqual([
        [200, false],
        [200, true],
      ]);
    });
  });

  it('a container that says nothing is stopped and restarted all the same: both take it down by force', async () => {
    const id = await given();
    const channels = fleet.app.get(Channels);
    const real = channels.of.bind(channels);
    const reached = async (): Promise<unknown> => (await hosted.get(`${agents}/${id}/files`)).status;
    const silenced = async () => {
      const deaf = jest
        .spyOn(channels, 'of')
        .mockImplementation((instance, user) =>
          user === 'developer' ? Promise.reject(new ChannelError('timeout', 'silent')) : real(instance, user),
        );
      expect(await reached()).toBe(502);
      return deaf;
    };
    // The one that is started in its place answers.
    const end = jest.spyOn(engine, 'stop');
    const first = await silenced();
    const { stop } = LocalEngine.prototype;
    end.mockImplementationOnce((...given) => {
      first.mockRestore();
      return stop.apply(engine, given);
    });
    expect((await post(id, 'restart')).body).toEqual({ agentId: id, status: 'RUNNING', restarted: true });
    expect(await reached()).toBe(200);
    const again = await silenced();
    const { status, body } = await post(id, 'stop');
    expect([status, body]).toEqual([200, { agentId: id, status: 'STOPPED', stopped: true }]);
    again.mockRestore();
  });
});
