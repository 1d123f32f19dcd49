import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { TurnPump } from './turn-pump.service.js';
import { Turn } from './turn.entity.js';

export interface Queue {
  /** In order of arrival. */
  readonly running: readonly Turn[];
  readonly waiting: readonly Turn[];
}

/** What an agent works on and what waits for it. */
@Injectable()
export class Queues {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly audit: Audit,
    private readonly pump: TurnPump,
  ) {}

  async of(agent: Agent): Promise<Queue> {
    const turns = await this.db.of(Turn).find({
      where: [
        { agentId: agent.id, state: 'running' },
        { agentId: agent.id, state: 'queued' },
      ],
      order: { number: 'ASC' },
    });
    const inState = (state: Turn['state']): Turn[] => turns.filter((turn) => turn.state === state);
    return { running: inState('running'), waiting: inState('queued') };
  }

  /** Cancels everything that waits. @returns how many that was */
  clear(who: Principal, slug: string): Promise<number> {
    return this.cancelAll(who, slug, 'queued');
  }

  /** Stops what the agent works on, so that the next in line has its turn. @returns how many that was */
  release(who: Principal, slug: string): Promise<number> {
    return this.cancelAll(who, slug, 'running');
  }

  private async cancelAll(who: Principal, slug: string, state: 'queued' | 'running'): Promise<number> {
    const agent = await this.access.agent(who, { slug }, 'own');
    const instances = await this.db.run(async (tx) => {
      const rows = await tx.query<{ instance_id: string }>(
        `with asked as (update turns set cancel_requested = true
           where agent_id = $1 and state = $2 and not cancel_requested returning instance_id)
         select instance_id from asked`,
        [agent.id, state],
      );
      const action = state === 'queued' ? 'queue.cleared' : 'queue.released';
      await this.audit.record(tx, { who, action, object: `agent:${agent.id}`, data: { turns: rows.length } });
      return rows.map((row) => row.instance_id);
    });
    await Promise.all([...new Set(instances)].map((id) => this.pump.kick(id)));
    return instances.length;
  }
}
