import { randomUUID } from 'node:crypto';
import { AgentRequest } from '../../../src/core/sessions/agent-request.entity.js';
import { Caretaker } from '../../../src/core/sessions/caretaker.service.js';
import { Prompts } from '../../../src/core/sessions/prompts.service.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { TrinityClient } from '../../support/trinity-client.js';
import {
  agentOf,
  answerApproval,
  eventsOf,
  givenAsking,
  givenLogin,
  requestsOf,
  turnsOf,
  untilAsked,
  untilTurn,
} from './support.js';

type Chat = { readonly response: string; readonly execution_log: readonly { readonly success: boolean }[] };

describe('an agent that asks before it acts', () => {
  let fleet: Fleet;
  let stranger: TrinityClient;
  beforeAll(async () => {
    fleet = await bootFleet();
    stranger = await givenLogin(fleet, 'stranger');
    await givenAsking(fleet, 'asker');
  });
  afterAll(() => fleet.close());

  const file = (path: string) => fleet.admin.get<string>(`/api/agents/asker/files/download?path=${path}`);

  it('waits, shows what it wants in the console, and goes on when allowed', async () => {
    const chat = fleet.chat('asker', '<<write one.txt hi>> <<say done>>');
    const open = await untilAsked(fleet, 'approvals', 'asker');
    expect(open).toMatchObject({
      state: 'open',
      title: 'Write one.txt',
      pattern: expect.stringMatching(/^edit: .*one\.txt$/),
    });
    expect((await file('one.txt')).status).toBe(404);

    expect((await answerApproval(fleet, open.id, { decision: 'allow' })).body).toMatchObject({ state: 'answered' });
    const { status, body } = await chat;
    expect([status, (body as Chat).response]).toEqual([200, 'done']);
    expect((await file('one.txt')).body).toContain('hi');
    const kinds = (await eventsOf(fleet, 'asker')).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind.startsWith('approval_'))).toEqual(['approval_requested', 'approval_answered']);
  });

  it('is answered once: the second answer is a conflict', async () => {
    const chat = fleet.chat('asker', '<<write two.txt hi>>');
    const { id } = await untilAsked(fleet, 'approvals', 'asker');
    const answers = await Promise.all([
      answerApproval(fleet, id, { decision: 'allow' }),
      answerApproval(fleet, id, { decision: 'reject' }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect((await answerApproval(fleet, id, { decision: 'allow' })).status).toBe(409);
    await chat;
    const written = (await file('two.txt')).status === 200;
    expect(written).toBe(answers[0].status === 200);
  });

  it('shows nothing to strangers, who cannot answer either', async () => {
    const chat = fleet.chat('asker', '<<write three.txt hi>>');
    const { id } = await untilAsked(fleet, 'approvals', 'asker');
    expect((await stranger.get('/~console/approvals')).body).toEqual([]);
    expect((await stranger.get(`/~console/approvals/${id}`)).status).toBe(404);
    expect((await answerApproval(fleet, id, { decision: 'allow' }, stranger)).status).toBe(404);
    expect((await answerApproval(fleet, 'nothing', { decision: 'allow' })).status).toBe(404);
    expect((await answerApproval(fleet, id, { decision: 'perhaps' })).status).toBe(400);
    expect((await answerApproval(fleet, id, { decision: 'allow' })).status).toBe(200);
    await chat;
  });

  it('hears no, with a message that becomes the next turn', async () => {
    const chat = fleet.chat('asker', '<<write four.txt hi>> <<say went on>>');
    const { id } = await untilAsked(fleet, 'approvals', 'asker');
    const before = (await turnsOf(fleet, 'asker')).length;
    expect((await answerApproval(fleet, id, { decision: 'reject', message: '<<say I see>>' })).status).toBe(200);
    const { body } = await chat;
    expect((body as Chat).execution_log).toMatchObject([{ success: false }]);
    const next = await untilTurn(fleet, 'asker', 'finished');
    expect(await turnsOf(fleet, 'asker')).toHaveLength(before + 1);
    expect(next.answer).toBe('I see');
    expect((await file('four.txt')).status).toBe(404);
  });

  it('the time a person takes is none of what its turn is allowed', async () => {
    const chat = fleet.chat('asker', '<<write five.txt hi>> <<hang>>');
    const { id } = await untilAsked(fleet, 'approvals', 'asker');
    const turn = (await turnsOf(fleet, 'asker')).at(-1);
    // It began, and asked, an hour ago.
    const hour = "- interval '1 hour'";
    await fleet.db.query(`update turns set started_at = started_at ${hour}, timeout_seconds = 1800 where id = $1`, [
      turn?.id,
    ]);
    await fleet.db.query(`update agent_requests set created_at = created_at ${hour} where turn_id = $1`, [turn?.id]);
    const look = async (): Promise<boolean | undefined> => {
      await fleet.app.get(Caretaker).look();
      return (await turnsOf(fleet, 'asker')).at(-1)?.cancelRequested;
    };
    expect(await look()).toBe(false);
    expect((await answerApproval(fleet, id, { decision: 'allow' })).status).toBe(200);
    expect(await look()).toBe(false);
    // Had the answer come at once, it would have worked since.
    await fleet.db.query('update agent_requests set answered_at = created_at where turn_id = $1', [turn?.id]);
    expect(await look()).toBe(true);
    const { status, body } = await chat;
    expect([status, body]).toMatchObject([504, { detail: 'The turn took longer than the 1800 s it is allowed' }]);
  });

  it('takes back what it asked when its turn is cancelled', async () => {
    const chat = fleet.chat('asker', '<<write six.txt hi>>');
    const { id } = await untilAsked(fleet, 'approvals', 'asker');
    await fleet.app.get(Prompts).giveUp((await turnsOf(fleet, 'asker')).at(-1)?.id ?? '', 'Nobody waits any more');
    expect((await chat).status).toBe(504);
    expect((await answerApproval(fleet, id, { decision: 'allow' })).status).toBe(409);
    expect((await requestsOf(fleet, 'asker')).at(-1)).toMatchObject({
      state: 'cancelled',
      answeredBy: 'turn_cancelled',
    });
    expect((await file('six.txt')).status).toBe(404);
  });

  it('always covers nothing where what was asked is too long to be shown', async () => {
    const chat = fleet.chat('asker', `<<bash true ${'x'.repeat(4000)}>> <<say ran>>`);
    const { id } = await untilAsked(fleet, 'approvals', 'asker');
    const asked = (await requestsOf(fleet, 'asker')).at(-1);
    expect(asked?.pattern).toBeNull();
    // As a runtime asks that wants to do two things at once.
    const other = { ...asked, id: randomUUID(), rpcId: '"other"' };
    await fleet.db.run((tx) => tx.of(AgentRequest).insert(other as never));
    const allowed = async (): Promise<readonly string[]> => (await agentOf(fleet, 'asker')).alwaysAllowed;
    const before = await allowed();
    expect((await answerApproval(fleet, id, { decision: 'always' })).status).toBe(200);
    expect(await allowed()).toEqual(before);
    expect((await requestsOf(fleet, 'asker')).find((one) => one.id === other.id)).toMatchObject({
      state: expect.not.stringMatching('answered') as string,
    });
    expect(((await chat).body as Chat).response).toBe('ran');
  });

  it('asks nobody when it may act by itself', async () => {
    await fleet.admin.put('/~console/agents/asker/settings', { approvals: 'auto' });
    const { status } = await fleet.chat('asker', '<<write seven.txt hi>>');
    expect([status, (await file('seven.txt')).status]).toEqual([200, 200]);
    await fleet.admin.put('/~console/agents/asker/settings', { approvals: 'ask' });
  });

  describe('questions', () => {
    const answer = (id: string, body: object, as = fleet.admin) => as.post(`/~console/questions/${id}/answer`, body);

    it('wait for an answer that fits, given once', async () => {
      const chat = fleet.chat('asker', '<<ask Which one?|Red|Blue>>');
      const open = await untilAsked(fleet, 'questions', 'asker');
      expect(open).toMatchObject({ message: 'Which one?', state: 'open' });
      expect((await answer(open.id, { answers: { question_0: 'Red' } }, stranger)).status).toBe(404);
      for (const wrong of [{ question_0: 'Green' }, { other: 'Red' }, {}, { question_0: ['Red', 'Blue'] }]) {
        expect((await answer(open.id, { answers: wrong })).status).toBe(400);
      }
      const both = await Promise.all([
        answer(open.id, { answers: { question_0: ['Blue'] } }),
        answer(open.id, { answers: { question_0: ['Blue'] } }),
      ]);
      expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
      expect(((await chat).body as Chat).response).toBe('Answer: Blue');
    });

    it('can be declined', async () => {
      const chat = fleet.chat('asker', '<<ask>>');
      const { id } = await untilAsked(fleet, 'questions', 'asker');
      expect((await answer(id, {})).status).toBe(200);
      expect(((await chat).body as Chat).response).toBe('No answer');
    });

    it('are declined at once where nobody attends, visibly', async () => {
      await fleet.givenAgent('alone');
      const { body } = await fleet.chat('alone', '<<ask>>');
      expect((body as Chat).response).toBe('No answer');
      const answered = (await eventsOf(fleet, 'alone')).filter(({ kind }) => kind === 'question_answered');
      expect(answered.map(({ data }) => data)).toMatchObject([{ declined: true, by: 'policy' }]);
    });
  });
});

describe('a restart of the server', () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await bootFleet();
    await givenAsking(fleet, 'keeper');
  });
  afterAll(() => fleet.close());

  async function restart(): Promise<void> {
    const { dataDir } = fleet;
    await fleet.close({ keep: true });
    fleet = await bootFleet({ dataDir });
  }

  it('keeps an open approval, which can be answered afterwards', async () => {
    const cut = fleet.chat('keeper', '<<write a.txt hi>> <<say done>>').catch(() => null);
    const before = await untilAsked(fleet, 'approvals', 'keeper');
    await restart();
    await cut;
    const after = await untilAsked(fleet, 'approvals', 'keeper');
    expect(after.id).toBe(before.id);
    expect((await answerApproval(fleet, after.id, { decision: 'always' })).status).toBe(200);
    expect(await untilTurn(fleet, 'keeper', 'finished')).toMatchObject({ answer: 'done' });

    const events = await eventsOf(fleet, 'keeper');
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.filter(({ kind }) => kind === 'approval_requested')).toHaveLength(1);
  });

  it('keeps what was always allowed', async () => {
    await restart();
    const { status, body } = await fleet.chat('keeper', '<<write a.txt again>> <<say done>>');
    expect([status, (body as Chat).response]).toEqual([200, 'done']);
    expect((await requestsOf(fleet, 'keeper')).at(-1)).toMatchObject({ state: 'answered', answeredBy: 'policy' });
    const other = fleet.chat('keeper', '<<write b.txt other>>');
    const { id } = await untilAsked(fleet, 'approvals', 'keeper');
    await answerApproval(fleet, id, { decision: 'reject' });
    await other;
  });

  it('keeps an open question', async () => {
    const cut = fleet.chat('keeper', '<<ask>>').catch(() => null);
    await untilAsked(fleet, 'questions', 'keeper');
    await restart();
    await cut;
    const { id } = await untilAsked(fleet, 'questions', 'keeper');
    await fleet.admin.post(`/~console/questions/${id}/answer`, { answers: { question_0: 'SQLite' } });
    expect(await untilTurn(fleet, 'keeper', 'finished')).toMatchObject({ answer: 'Answer: SQLite' });
  });

  it('goes on with a turn that was in full flow', async () => {
    const cut = fleet.chat('keeper', '<<slow 30 100>> <<say end>>').catch(() => null);
    await untilTurn(fleet, 'keeper', 'running');
    await restart();
    await cut;
    const turn = await untilTurn(fleet, 'keeper', 'finished');
    const ticks = Array.from({ length: 30 }, (_, index) => `tick ${index + 1} `).join('');
    expect(turn.answer).toBe(`${ticks}end`);
    const events = await eventsOf(fleet, 'keeper');
    expect(events.filter((event) => event.turnId === turn.id).map(({ kind }) => kind)).toEqual([
      'user_message',
      'turn_started',
      'agent_message',
      'turn_ended',
    ]);
  });
});
