import { randomUUID } from 'node:crypto';
import { Group } from '../../../src/core/groups/group.entity.js';
import { SecretRow } from '../../../src/core/groups/secret.entity.js';
import { Activity } from '../../../src/core/sessions/activity.entity.js';
import { Agent } from '../../../src/core/agents/agent.entity.js';
import { AgentRequest } from '../../../src/core/sessions/agent-request.entity.js';
import { AgentShare } from '../../../src/core/agents/agent-share.entity.js';
import { Instance } from '../../../src/core/instances/instance.entity.js';
import { ScheduleExecution } from '../../../src/core/autonomy/schedule-execution.entity.js';
import { Schedule } from '../../../src/core/autonomy/schedule.entity.js';
import { Session } from '../../../src/core/sessions/session.entity.js';
import { Turn } from '../../../src/core/sessions/turn.entity.js';
import { SshCredential } from '../../../src/core/ssh/ssh-credential.entity.js';
import type { User } from '../../../src/core/accounts/user.entity.js';
import type { UnitOfWork } from '../../../src/platform/database/unit-of-work.js';

const at = new Date('2026-03-01T12:00:00Z');
const byId = ['id'];

/** One agent with everything a route can name below it. All ids are texts, so that a wrong one is merely unknown. */
export interface Thing {
  readonly slug: string;
  readonly agentId: string;
  readonly instanceId: string;
  readonly sessionId: string;
  readonly turnId: string;
  readonly toolId: string;
  readonly scheduleId: string;
  readonly executionId: string;
  readonly approvalId: string;
  readonly questionId: string;
  readonly sshCredentialId: string;
  readonly groupId: string;
}

export const newThing = (slug: string, agentId: string = randomUUID()): Thing => ({
  slug,
  agentId,
  instanceId: randomUUID(),
  sessionId: randomUUID(),
  turnId: randomUUID(),
  toolId: randomUUID(),
  scheduleId: randomUUID(),
  executionId: randomUUID(),
  approvalId: randomUUID(),
  questionId: randomUUID(),
  sshCredentialId: randomUUID(),
  groupId: randomUUID(),
});

/** Good bodies for scopes and secrets. */
export const scopeBodies: Readonly<Record<string, () => object>> = {
  'POST /api/v1/scopes': () => ({ name: `matrix ${randomUUID()}` }),
  'PATCH /api/v1/scopes/{scopeId}': () => ({ name: `matrix ${randomUUID()}` }),
  'PUT /api/v1/secrets': () => ({ key: 'MADE', value: 'by the matrix' }),
  'PUT /api/v1/scopes/{scopeId}/secrets': () => ({ key: 'MADE', value: 'by the matrix' }),
};

/** Key of a secret that a thing's group has. */
export const secretKey = 'MATRIX_KEY';

/** Puts a stopped agent with a session, a tool call, an open approval and an open question into the database, afresh. */
export async function place(
  db: Pick<UnitOfWork, 'of'>,
  thing: Thing,
  owner: User,
  sharedWith: string | null,
): Promise<void> {
  await remove(db, thing);
  const { slug, agentId, instanceId } = thing;
  await db.of(Agent).insert({
    id: agentId,
    slug,
    displayName: slug,
    orgId: owner.personalOrgId,
    ownerId: owner.id,
    type: 'business-assistant',
    runtime: 'scripted',
    cpu: '1',
    memory: '512m',
    approvals: 'ask',
    createdAt: at,
    updatedAt: at,
  });
  await db
    .of(Instance)
    .insert({ id: instanceId, agentId, desired: 'stopped', state: 'stopped', stateSince: at, createdAt: at });
  if (sharedWith !== null) {
    await db.of(AgentShare).insert({ agentId, email: sharedWith, sharedById: owner.id, createdAt: at });
  }
  await fill(db, thing, owner);
}

/** What lies below an agent, as it was: what is gone comes back, what was answered is open again. */
export async function fill(db: Pick<UnitOfWork, 'of'>, thing: Thing, owner: User): Promise<void> {
  const { agentId, instanceId, sessionId } = thing;
  const common = { agentId, instanceId };
  await db.of(Session).upsert({ ...common, id: sessionId, userId: owner.id, status: 'active', createdAt: at }, byId);
  const turn = { ...common, id: thing.turnId, sessionId, userId: owner.id };
  await db
    .of(Turn)
    .upsert({ ...turn, prompt: 'hello', state: 'finished', answer: 'hi', createdAt: at, endedAt: at }, byId);
  await db.of(Activity).upsert(
    {
      id: thing.toolId,
      agentId,
      type: 'tool_call',
      state: 'completed',
      triggeredBy: 'user',
      details: { toolCallId: `call-${thing.toolId}`, title: 'Read' },
      startedAt: at,
      endedAt: at,
    },
    byId,
  );
  const about = { agentId, name: 'Morning', message: 'hello' };
  const times = { createdAt: at, updatedAt: at };
  await db.of(Schedule).upsert(
    {
      ...about,
      ...times,
      id: thing.scheduleId,
      createdBy: owner.id,
      cron: '0 9 * * *',
      timezone: 'UTC',
      nextRunAt: new Date(Date.now() + 86_400_000),
    },
    byId,
  );
  await db.of(ScheduleExecution).upsert(
    {
      id: thing.executionId,
      scheduleId: thing.scheduleId,
      scheduleName: 'Morning',
      agentId,
      message: 'hello',
      userId: owner.id,
      triggeredBy: 'schedule',
      plannedAt: at,
      state: 'skipped',
      error: 'Autonomy is off for this agent',
      createdAt: at,
      endedAt: at,
    },
    byId,
  );
  await db.of(SshCredential).upsert(
    {
      id: thing.sshCredentialId,
      agentId,
      userId: owner.id,
      keyType: 'ssh-ed25519',
      publicKey: '',
      fingerprint: 'SHA256:none',
      createdAt: at,
      expiresAt: new Date(Date.now() + 3_600_000),
    },
    byId,
  );
  await placeGroup(db, thing, owner.personalOrgId);
  for (const [kind, id] of [
    ['approval', thing.approvalId],
    ['question', thing.questionId],
  ] as const) {
    await db.of(AgentRequest).upsert(
      {
        ...common,
        id,
        kind,
        state: 'open',
        sessionId,
        generation: 1,
        answer: null,
        answeredBy: null,
        answeredAt: null,
        rpcId: JSON.stringify(kind),
        payload:
          kind === 'approval'
            ? { title: 'Write a', kind: 'edit', input: {}, content: [], options: [] }
            : { message: 'Which?', questions: [], bridged: false },
        createdAt: at,
        expiresAt: new Date(Date.now() + 86_400_000),
      },
      byId,
    );
  }
}

/** A group of the organisation with a secret in it, whose value is never opened: no agent of the group is started. */
async function placeGroup(db: Pick<UnitOfWork, 'of'>, { groupId }: Thing, orgId: string): Promise<void> {
  const times = { createdAt: at, updatedAt: at };
  await db.of(Group).upsert({ id: groupId, orgId, name: groupId, nameKey: groupId, ...times }, byId);
  const secret = { id: groupId, orgId, groupId, name: secretKey, sealed: 'never opened' };
  await db.of(SecretRow).delete({ groupId });
  await db.of(SecretRow).insert({ ...secret, ...times });
}

export async function remove(db: Pick<UnitOfWork, 'of'>, { agentId, groupId }: Thing): Promise<void> {
  await db.of(Group).delete({ id: groupId });
  await db.of(Agent).delete({ id: agentId });
}
