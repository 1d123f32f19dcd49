import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { agentDeleted } from '../agents/agent-deleted.js';
import { Agent } from '../agents/agent.entity.js';
import { systemAgentName } from '../agents/agent.rules.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Forbidden, Invalid } from '../errors/domain-error.js';
import { checkTimeout } from './schedule.rules.js';

interface Blocking {
  readonly id: string;
  readonly name: string;
  readonly timeout_seconds: number;
}

/** How far an agent may go by itself: whether its schedules fire, and how long one turn may take. */
@Injectable()
export class AgentLimits {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly clock: Clock,
    private readonly audit: Audit,
  ) {}

  /** With autonomy on, schedules fire and nobody is asked before the agent acts. Schedules themselves stay as they are. */
  async setAutonomy(who: Principal, slug: string, autonomy: unknown): Promise<Agent> {
    const system = new Forbidden("A system agent's autonomy cannot be changed", 'system_agent');
    if (slug === systemAgentName) throw system;
    const { id, isSystem } = await this.access.agent(who, { slug }, 'own');
    if (isSystem) throw system;
    if (autonomy === undefined || autonomy === null) throw new Invalid('enabled is required', [], 'enabled_missing');
    if (typeof autonomy !== 'boolean') throw new Invalid('enabled must be true or false', [], 'enabled_invalid');
    return this.change(who, id, { autonomy }, 'agent.autonomy_changed');
  }

  /** Counts for turns that are asked for from now on. */
  async setTimeout(who: Principal, slug: string, seconds: unknown): Promise<Agent> {
    const { id } = await this.access.agent(who, { slug }, 'own');
    const timeoutSeconds = checkTimeout(seconds);
    const blocking = await this.db.query<Blocking>(
      `select id, name, timeout_seconds from schedules where agent_id = $1 and timeout_seconds > $2
       order by timeout_seconds desc, name limit 50`,
      [id, timeoutSeconds],
    );
    const [longest] = blocking;
    if (longest) throw belowSchedules(timeoutSeconds, longest.timeout_seconds, blocking);
    return this.change(who, id, { timeoutSeconds }, 'agent.timeout_changed');
  }

  private change(who: Principal, id: string, patch: Partial<Agent>, action: string): Promise<Agent> {
    return this.db.run(async (tx) => {
      const agent = await tx.lock(Agent, { id });
      if (!agent) throw agentDeleted();
      Object.assign(agent, patch, { updatedAt: this.clock.now() });
      await tx.of(Agent).save(agent);
      await this.audit.record(tx, { who, action, object: `agent:${id}`, data: { ...patch } });
      await tx.emit({ type: 'agent.configured', orgId: agent.orgId, agentId: id, data: { ...patch } });
      return agent;
    });
  }
}

function belowSchedules(wanted: number, longest: number, blocking: readonly Blocking[]): Invalid {
  const message = `Schedules of this agent may take up to ${longest} s: lower their timeout_seconds first`;
  return new Invalid(message, [], 'timeout_below_schedules', {
    requested_seconds: wanted,
    max_schedule_timeout_seconds: longest,
    blocking_schedules: blocking,
  });
}
