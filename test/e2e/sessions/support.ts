import { readFileSync } from 'node:fs';
import { Passwords } from '../../../src/core/accounts/passwords.js';
import { UsersService } from '../../../src/core/accounts/users.service.js';
import { Agent } from '../../../src/core/agents/agent.entity.js';
import { Secret } from '../../../src/core/credentials/secret.js';
import { Generation } from '../../../src/core/runtimes/generation.entity.js';
import { Spool } from '../../../src/core/runtimes/spool.service.js';
import { AgentRequest } from '../../../src/core/sessions/agent-request.entity.js';
import { SessionEvent } from '../../../src/core/sessions/session-event.entity.js';
import { Turn } from '../../../src/core/sessions/turn.entity.js';
import type { Fleet } from '../../support/fleet.js';
import type { Answer, TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';

export async function agentOf(fleet: Fleet, slug: string): Promise<Agent> {
  return fleet.db.of(Agent).findOneByOrFail({ slug });
}

/** All turns of an agent, in order of arrival. */
export async function turnsOf(fleet: Fleet, slug: string): Promise<Turn[]> {
  const { id } = await agentOf(fleet, slug);
  return fleet.db.of(Turn).find({ where: { agentId: id }, order: { number: 'ASC' } });
}

/** Events of an agent's only session. */
export async function eventsOf(fleet: Fleet, slug: string): Promise<SessionEvent[]> {
  const { id } = await fleet.instanceOf(slug);
  return fleet.db.of(SessionEvent).find({ where: { instanceId: id }, order: { sessionId: 'ASC', seq: 'ASC' } });
}

export async function generationsOf(fleet: Fleet, slug: string): Promise<Generation[]> {
  const { id } = await fleet.instanceOf(slug);
  return fleet.db.of(Generation).find({ where: { instanceId: id }, order: { number: 'ASC' } });
}

export async function requestsOf(fleet: Fleet, slug: string): Promise<AgentRequest[]> {
  const { id } = await agentOf(fleet, slug);
  return fleet.db.of(AgentRequest).find({ where: { agentId: id }, order: { createdAt: 'ASC' } });
}

/** Waits until an agent's newest turn is in a state, and returns it. */
export function untilTurn(fleet: Fleet, slug: string, state: Turn['state'], deadline?: number): Promise<Turn> {
  return until(
    `the turn of ${slug} is ${state}`,
    async () => {
      const turn = (await turnsOf(fleet, slug)).at(-1);
      return turn?.state === state && turn;
    },
    deadline,
  );
}

export interface Open {
  readonly id: string;
  readonly agent: string;
  readonly state: string;
  readonly title?: string;
  readonly pattern?: string | null;
  readonly message?: string;
  readonly answer?: unknown;
}

/** Waits until an agent asks for something, as the console lists it. */
export function untilAsked(
  fleet: Fleet,
  kind: 'approvals' | 'questions',
  slug: string,
  as: TrinityClient = fleet.admin,
): Promise<Open> {
  return until(
    `${slug} asks`,
    async () => {
      const { body } = await as.get<Open[]>(`/~console/${kind}`);
      return body.find((open) => open.agent === slug);
    },
    90_000,
  );
}

export const answerApproval = (
  fleet: Fleet,
  id: string,
  answer: { readonly decision: string; readonly message?: string },
  as: TrinityClient = fleet.admin,
): Promise<Answer> => as.post(`/~console/approvals/${id}/answer`, answer);

/** A running agent that asks before it acts. */
export async function givenAsking(
  fleet: Fleet,
  slug: string,
  as: TrinityClient = fleet.admin,
  fields = {},
): Promise<void> {
  await fleet.givenAgent(slug, fields, as);
  const { status } = await as.put(`/~console/agents/${slug}/settings`, { approvals: 'ask' });
  if (status !== 200) throw new Error(`setting approvals of ${slug} answered ${status}`);
}

/** A new user who signed in: the console takes no other dialect's keys. */
export async function givenLogin(fleet: Fleet, username: string): Promise<TrinityClient> {
  const password = 'a-password-of-a-test';
  const passwordHash = await fleet.app.get(Passwords).hash(new Secret(password));
  await fleet.db.run((tx) =>
    fleet.app.get(UsersService).create(tx, { username, email: null, passwordHash, role: 'user' }),
  );
  return fleet.admin.as(null).signIn(username, password);
}

/** Changes what no API offers yet. */
export const changeAgent = async (fleet: Fleet, slug: string, fields: Partial<Agent>): Promise<void> => {
  const { id } = await agentOf(fleet, slug);
  await fleet.db.run((tx) => tx.of(Agent).update({ id }, fields as never));
};

/** The newest journal of an agent, as its runtime wrote it. */
export async function journalOf(fleet: Fleet, slug: string): Promise<string> {
  const { ref } = await fleet.instanceOf(slug);
  const { number } = (await generationsOf(fleet, slug)).at(-1) ?? { number: 0 };
  return readFileSync(`${fleet.engine.pathOf(ref ?? '', 'run')}/gen/${number}/journal`, 'utf8');
}

/** Gives an agent's runtime a line that is longer than a pipe holds. */
export async function feedLongLine(fleet: Fleet, slug: string): Promise<void> {
  const spool = fleet.app.get(Spool);
  const instance = await fleet.instanceOf(slug);
  const { number } = (await generationsOf(fleet, slug)).at(-1) ?? { number: 0 };
  await fleet.db.run(async (tx) => {
    const generation = await tx.lock(Generation, { instanceId: instance.id, number });
    if (generation) await spool.push(tx, generation, { method: 'session/nothing', params: { x: 'x'.repeat(300_000) } });
  });
  await spool.deliver(instance, number);
}
