import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Tx } from '../../platform/database/unit-of-work.js';
import { boundTo, type Principal } from '../access/principal.js';
import { AgentSeed } from '../agents/agent-seed.entity.js';
import { Agent, type ApprovalsMode } from '../agents/agent.entity.js';
import type { Resources } from '../agents/agent.rules.js';
import { PrivateInstructions } from '../agents/private-instructions.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import type { Secret } from '../credentials/secret.js';
import { Conflict, Forbidden, Unexpected } from '../errors/domain-error.js';
import { Instance } from './instance.entity.js';

/** Everything an agent is made from; already checked by `agent.rules`. */
export interface NewAgent {
  readonly slug: string;
  readonly displayName: string;
  readonly type: string;
  readonly runtime: string;
  readonly model: string | null;
  /** Instead of the runtime's own; already allowed. Left out: none. */
  readonly image?: string | null;
  /** Whose model; left out: the first provider that the runtime can use. */
  readonly provider?: string | null;
  readonly template: string | null;
  readonly instructions: string | null;
  /** Shown to nobody, ever. */
  readonly privateInstructions?: Secret | null;
  readonly githubRepo: string | null;
  readonly resources: Resources;
  readonly approvals: ApprovalsMode;
  /** What its home is filled with before the first start. */
  readonly seed: NewSeed | null;
  /** A group of the caller's organisation. Left out: none. */
  readonly groupId?: string | null;
}

/** A template folder, a repository (with a branch of its own choice unless one is named), or both. */
export type NewSeed = Pick<AgentSeed, 'template' | 'repository' | 'branch'>;

export interface MadeAgent {
  readonly agentId: string;
  readonly instanceId: string;
}

/** Stores new agents with the wish that they run. */
@Injectable()
export class AgentMaking {
  constructor(
    private readonly clock: Clock,
    private readonly audit: Audit,
    private readonly secrets: PrivateInstructions,
  ) {}

  /** Throws `Conflict` when the name is taken; of two at once the unique index decides. */
  async store(tx: Tx, who: Principal, wish: NewAgent): Promise<MadeAgent> {
    // What an agent was talked into must not make more agents.
    if (boundTo(who) !== null) {
      throw new Forbidden("An agent's own key makes no agents", 'agent_key');
    }
    if (await tx.of(Agent).existsBy({ slug: wish.slug })) throw new Conflict('Agent already exists', 'agent_exists');
    const agentId = randomUUID();
    const instanceId = randomUUID();
    const now = this.clock.now();
    const { resources, seed, privateInstructions, provider = null, ...rest } = wish;
    const owner = { id: agentId, orgId: who.orgId, ownerId: who.userId };
    const times = { createdAt: now, updatedAt: now };
    const sealed = privateInstructions ? this.secrets.seal(agentId, privateInstructions) : null;
    const row = { ...rest, ...resources, ...owner, ...times, provider, privateInstructions: sealed };
    await tx.of(Agent).insert(row).catch(asConflict);
    if (seed) await tx.of(AgentSeed).insert({ ...seed, agentId });
    const state = { desired: 'running', state: 'provisioning', stateSince: now, createdAt: now } as const;
    await tx.of(Instance).insert({ id: instanceId, agentId, ...state });
    const data = { slug: wish.slug, runtime: wish.runtime };
    await this.audit.record(tx, { who, action: 'agent.created', object: `agent:${agentId}`, data });
    return { agentId, instanceId };
  }
}

/** Two requests raced for one name, or a group went: the database decided. */
export function asConflict(error: unknown): never {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === '23505') throw new Conflict('Agent already exists', 'agent_exists');
  if (code === '23503') throw new Conflict('The group was deleted meanwhile', 'group_deleted');
  throw error instanceof Error ? error : new Unexpected(error);
}
