import { randomUUID } from 'node:crypto';
import { ManualClock } from '../../../test/support/manual-clock.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { Agent } from '../agents/agent.entity.js';
import type { FleetEvents } from '../events/fleet-events.js';
import { GivenValues } from '../instances/given-values.js';
import { ChannelError, type Channel, type Channels } from '../instances/channel.port.js';
import type { ContainerEngine } from '../instances/engine.port.js';
import { Instance } from '../instances/instance.entity.js';
import { Generation } from '../runtimes/generation.entity.js';
import type { AgentRuntime, Runtimes } from '../runtimes/runtime.port.js';
import type { AgentKeys } from '../accounts/agent-keys.service.js';
import { AgentEnvironment } from '../runtimes/agent-environment.service.js';
import type { Config } from '../../config/config.js';
import { PrivateInstructions } from '../agents/private-instructions.js';
import { Secret } from '../credentials/secret.js';
import { PrivateContext } from '../runtimes/private-context.service.js';
import { HomeSettings } from '../runtimes/home-settings.service.js';
import { Spool } from '../runtimes/spool.service.js';
import { AttachSteps } from './attach-steps.js';
import { JournalFollower } from './follower.service.js';
import { IngestEffects } from './ingest-effects.js';
import { IngestRequests } from './ingest-requests.js';
import { IngestResponses } from './ingest-responses.js';
import { IngestTools } from './ingest-tools.js';
import { Ingest } from './ingest.service.js';
import { Session } from './session.entity.js';
import { SessionStreams } from './session-streams.js';
import { TurnEndings } from './turn-endings.js';
import { Turn } from './turn.entity.js';

const runtime = { name: 'test', title: 'Test', modeFor: () => null, sessionMeta: () => null, questions: null };
const runtimes = { find: () => runtime, get: () => runtime as unknown as AgentRuntime } as unknown as Runtimes;

const silent = { subscribe: () => () => undefined } as unknown as FleetEvents;

const update = (sessionId: string, fields: object): object => ({
  method: 'session/update',
  params: { sessionId, update: fields },
});
const says = (text: string, sessionId = 's'): object =>
  update(sessionId, { sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });
const costs = (amount: number): object =>
  update('s', { sessionUpdate: 'usage_update', used: 10, size: 100, cost: { amount } });
const tool = (fields: object): object => update('s', { toolCallId: 'c1', ...fields });

/** A turn with everything in it, while another conversation is being loaded. */
const journalOf = (turnId: string, otherId: string): Buffer => {
  const lines = [
    says('replayed', 'r'),
    says('Hel'),
    costs(0.5),
    says('lo '),
    costs(0.75),
    says('there \u{1F600}'),
    update('s', { sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text: 'hm' } }),
    tool({ sessionUpdate: 'tool_call', title: 'bash', kind: 'execute', status: 'pending', rawInput: {} }),
    tool({ sessionUpdate: 'tool_call_update', title: 'ls', rawInput: { command: 'ls' } }),
    {
      id: 0,
      method: 'session/request_permission',
      params: { sessionId: 's', toolCall: { toolCallId: 'c1' }, options: [] },
    },
    tool({ sessionUpdate: 'tool_call_update', _meta: { terminal_output_delta: { data: 'one\n' } } }),
    tool({ sessionUpdate: 'tool_call_update', _meta: { terminal_output_delta: { data: 'two\n' } } }),
    says('more replay', 'r'),
    tool({ sessionUpdate: 'tool_call_update', status: 'completed' }),
    {
      id: 1,
      method: 'elicitation/create',
      params: { sessionId: 's', mode: 'form', message: 'Which?', requestedSchema: {} },
    },
    { id: 2, method: 'fs/write_text_file', params: { sessionId: 's' } },
    { id: `load:${otherId}`, result: {} },
    update('s', { sessionUpdate: 'plan', entries: [{ content: 'a' }] }),
    says('new words', 'r'),
    says('done'),
    costs(1),
    { id: `turn:${turnId}`, result: { stopReason: 'end_turn', usage: { inputTokens: 7, outputTokens: 3 } } },
    says('afterthought'),
  ];
  return Buffer.from(lines.map((line) => `${JSON.stringify({ jsonrpc: '2.0', ...line })}\n`).join(''));
};

/** Hands out a journal in pieces of the given lengths; after `failAfter` pieces the connection breaks. */
function channelOver(journal: Buffer, lengthOf: () => number, failAfter: () => number): Channels {
  let left = failAfter();
  const read: Channel['read'] = (_place, _path, { offset = 0 } = {}) => {
    left -= 1;
    if (left < 0) {
      left = failAfter();
      return Promise.reject(new ChannelError('closed', 'cut by the test'));
    }
    const data = journal.subarray(offset, offset + lengthOf());
    return Promise.resolve({ data, size: journal.length, modifiedAt: new Date(0), mode: 0o600 });
  };
  return { of: () => Promise.resolve({ read } as Channel) } as unknown as Channels;
}

/** Small and seeded: a failure names its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
}

describe('reading a journal into the database', () => {
  let database: TestDatabase;
  const clock = new ManualClock();
  beforeAll(async () => (database = await openTestDatabase()));
  afterAll(() => database.close());

  function followerOver(channels: Channels): JournalFollower {
    const values = new GivenValues();
    const settings = new HomeSettings(channels, new AgentEnvironment(channels, values, {} as unknown as AgentKeys));
    const secrets = new PrivateInstructions({ masterKey: new Secret('key') } as Config);
    const hidden = new PrivateContext(database.db, channels, secrets, values);
    const spool = new Spool(database.db, channels, settings, hidden);
    const endings = new TurnEndings(clock);
    const engine = { pathOf: () => '/home/developer' } as unknown as ContainerEngine;
    const steps = new AttachSteps(runtimes, spool, engine, endings);
    const requests = new IngestRequests(spool, engine);
    const responses = new IngestResponses(runtimes, spool, steps, endings);
    const effects = new IngestEffects(new IngestTools(runtimes, requests), requests, responses, endings, runtimes);
    const ingest = new Ingest(database.db, clock, effects, new SessionStreams(silent));
    return new JournalFollower(database.db, channels, ingest, runtimes, values);
  }

  async function given(approvals: 'ask' | 'auto') {
    const ids = {
      agent: randomUUID(),
      instance: randomUUID(),
      session: randomUUID(),
      other: randomUUID(),
      turn: randomUUID(),
    };
    const now = clock.now();
    const instance = { id: ids.instance, agentId: ids.agent, boot: 'b', ref: 'r' } as Instance;
    await database.db.run(async (tx) => {
      const words = { orgId: 'o', ownerId: 'u', slug: ids.agent, displayName: 'x', type: 't', runtime: 'test' };
      const limits = { cpu: '1', memory: '1g', approvals, createdAt: now, updatedAt: now };
      await tx.of(Agent).insert({ id: ids.agent, ...words, ...limits });
      const state = { desired: 'running', state: 'running', stateSince: now, createdAt: now, boot: 'b' } as const;
      await tx.of(Instance).insert({ id: ids.instance, agentId: ids.agent, ...state });
      const life = { state: 'ready', boot: 'b', fingerprint: 'f', createdAt: now, usedAt: now } as const;
      await tx.of(Generation).insert({ instanceId: ids.instance, number: 1, ...life });
      const session = {
        agentId: ids.agent,
        instanceId: ids.instance,
        userId: 'u',
        status: 'active',
        createdAt: now,
      } as const;
      await tx.of(Session).insert({ ...session, id: ids.session, runtimeSessionId: 's', liveGeneration: 1 });
      const loading = { runtimeSessionId: 'r', attachGeneration: 1, attachStep: 'load' } as const;
      await tx.of(Session).insert({ ...session, id: ids.other, ...loading });
      const place = {
        sessionId: ids.session,
        agentId: ids.agent,
        instanceId: ids.instance,
        userId: 'u',
        generation: 1,
      };
      await tx
        .of(Turn)
        .insert({ ...place, id: ids.turn, prompt: 'p', state: 'running', createdAt: now, startedAt: now });
    });
    return { ids, instance };
  }

  /** Everything that was stored, in order, without what differs from one instance to the next. */
  async function stored(ids: Record<string, string>): Promise<string> {
    const { db } = database;
    const events = await db.query(
      `select session_id, seq, kind, data, turn_id, journal_offset from session_events where instance_id = $1
       order by session_id = $2 desc, seq`,
      [ids['instance'], ids['session']],
    );
    const sessions = await db.query(
      `select event_seq, message_count, cost_usd, cost_mark, context_used, live_generation, attach_step from sessions
       where instance_id = $1 order by id = $2 desc`,
      [ids['instance'], ids['session']],
    );
    const turns = await db.query(
      `select state, answer, stop_reason, tool_count, input_tokens, output_tokens, cost_usd from turns where instance_id = $1`,
      [ids['instance']],
    );
    const requests = await db.query(
      `select kind, state, rpc_id, payload, answered_by from agent_requests where instance_id = $1 order by rpc_id`,
      [ids['instance']],
    );
    const lines = await db.query('select number, line from runtime_lines where instance_id = $1 order by number', [
      ids['instance'],
    ]);
    const tools = await db.query('select state, details from activities where agent_id = $1 order by id', [
      ids['agent'],
    ]);
    const emitted = await db.query('select type from outbox where agent_id = $1 order by id', [ids['agent']]);
    let text = JSON.stringify({ events, sessions, turns, requests, lines, tools, emitted }, null, 1);
    for (const [name, id] of Object.entries(ids)) text = text.replaceAll(id, `<${name}>`);
    return text.replace(/"requestId": "[^"]+"/g, '"requestId": "<id>"');
  }

  async function readWhole(approvals: 'ask' | 'auto') {
    const { ids, instance } = await given(approvals);
    const journal = journalOf(ids.turn, ids.other);
    const follower = followerOver(
      channelOver(
        journal,
        () => 1 << 20,
        () => Infinity,
      ),
    );
    await follower.drain(instance, 1);
    return { ids, instance, follower, result: await stored(ids) };
  }

  it('stores a turn once and whole', async () => {
    const { ids } = await readWhole('auto');
    const turn = await database.db.of(Turn).findOneByOrFail({ id: ids.turn });
    expect(turn).toMatchObject({ state: 'finished', answer: 'done', costUsd: 1, toolCount: 1, inputTokens: 7 });
    const texts = await database.db.query<{ text: string }>(
      `select data->>'text' as text from session_events where session_id = $1 and kind = 'agent_message' order by seq`,
      [ids.session],
    );
    expect(texts.map(({ text }) => text)).toEqual(['Hello there \u{1F600}', 'done', 'afterthought']);
    const [{ output } = { output: null }] = await database.db.query<{ output: string | null }>(
      `select details->>'output' as output from activities where agent_id = $1 and type = 'tool_call'`,
      [ids.agent],
    );
    expect(output).toBe('one\ntwo\n');
    const other = await database.db.of(Session).findOneByOrFail({ id: ids.other });
    expect(other).toMatchObject({ liveGeneration: 1, attachStep: null, eventSeq: 1 }); // the replay is not recorded
  });

  it.each(['ask', 'auto'] as const)('adds nothing when all of it is read again (%s)', async (approvals) => {
    const { ids, instance, follower, result } = await readWhole(approvals);
    await database.db.query(`update generations set cursor = 0 where instance_id = $1`, [ids.instance]);
    await follower.drain(instance, 1);
    expect(await stored(ids)).toBe(result);
  });

  it.each(Array.from({ length: 12 }, (_, index) => index))(
    'ends the same wherever it is cut (seed %i)',
    async (seed) => {
      const approvals = seed % 2 === 0 ? 'ask' : 'auto';
      const whole = await readWhole(approvals);
      const random = randomOf(seed);
      const { ids, instance } = await given(approvals);
      const journal = journalOf(ids.turn, ids.other);
      let cuts = 0;
      const channels = channelOver(
        journal,
        () => 1 + random(600),
        () => (cuts === 0 ? 3 : 7 + random(8)),
      );
      for (let over = false; !over;) {
        over = await followerOver(channels)
          .drain(instance, 1)
          .then(
            () => true,
            () => false,
          );
        cuts += 1;
        expect(cuts).toBeLessThan(200);
      }
      expect(cuts).toBeGreaterThan(1);
      expect(await stored(ids)).toBe(whole.result);
    },
  );

  it('leaves out a line the database refuses, and keeps what stands beside it', async () => {
    const { ids, instance } = await given('auto');
    const long = 'x'.repeat(20_000); // more than an index takes, in characters that do not compress
    const id = Array.from(long, (_, index) => (index * 7919).toString(36)).join('');
    const lines = [
      says('before'),
      { id, method: 'session/request_permission', params: { sessionId: 's' } },
      says('after'),
    ];
    const end = { id: `turn:${ids.turn}`, result: { stopReason: 'end_turn' } };
    const journal = Buffer.from([...lines, end].map((line) => `${JSON.stringify(line)}\n`).join(''));
    await followerOver(
      channelOver(
        journal,
        () => 1 << 20,
        () => Infinity,
      ),
    ).drain(instance, 1);
    const turn = await database.db.of(Turn).findOneByOrFail({ id: ids.turn });
    expect(turn).toMatchObject({ state: 'finished', answer: 'after' });
    const { eventSeq } = await database.db.of(Session).findOneByOrFail({ id: ids.session });
    const events = await database.db.query('select kind from session_events where session_id = $1', [ids.session]);
    expect(events).toHaveLength(eventSeq);
  });
});
