import { Injectable } from '@nestjs/common';
import { UnitOfWork, type Tx } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Upstream } from '../errors/domain-error.js';
import { AgentReach } from './agent-reach.service.js';
import { InstanceControl } from './instance-control.service.js';
import { Instance } from './instance.entity.js';

/** Single steps of starting an instance, for commands that decide in one transaction whether they may. */
@Injectable()
export class InstanceCommands {
  constructor(
    private readonly db: UnitOfWork,
    private readonly control: InstanceControl,
    private readonly reach: AgentReach,
    private readonly clock: Clock,
    private readonly audit: Audit,
  ) {}

  /** It shall run, as it is stored now. The row is locked by the caller, who sees that somebody looks at it afterwards. `graceSeconds`: for taking it down first. */
  async wishRunning(
    tx: Tx,
    who: Principal,
    agent: Agent,
    row: Instance,
    graceSeconds: number | null = null,
  ): Promise<void> {
    const renewAt = this.clock.now();
    const patch = { desired: 'running', failures: 0, retryAt: null, renewAt, graceSeconds } as const;
    if (row.state === 'failed') await this.control.revive(tx, row, patch);
    else await tx.of(Instance).save(Object.assign(row, patch));
    const data = { slug: agent.slug };
    await this.audit.record(tx, { who, action: 'agent.start_asked', object: `agent:${agent.id}`, data });
  }

  /** Nobody waits for this start any more: it shall rest, and tell why. */
  async giveUp(id: string, reason: string): Promise<void> {
    await this.db.run(async (tx) => {
      const row = await tx.lock(Instance, { id });
      if (!row || row.state === 'running' || row.state === 'failed') return;
      await tx.of(Instance).save(Object.assign(row, { desired: 'stopped', lastError: reason }));
    });
    this.control.kick(id);
  }

  /** Throws `Upstream` when a container that runs does not answer. */
  async requireAnswer(row: Instance): Promise<void> {
    await this.reach.ask(row).catch((error: unknown) => {
      const details = { agentId: row.agentId };
      throw new Upstream('The container does not answer', 'start_failed', { details, cause: error });
    });
  }
}
