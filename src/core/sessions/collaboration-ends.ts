import { Injectable } from '@nestjs/common';
import { In } from 'typeorm';
import type { Tx } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { type InstanceHook, InstanceHooks } from '../instances/instance-hooks.js';
import { announce } from './activity-news.js';
import { Activity } from './activity.entity.js';
import { collaborationIdOf } from './collaboration.js';

/** An agent that is deleted takes its turns along; the lines of those who had asked it stay, and must not go on for ever. */
@Injectable()
export class CollaborationEnds implements InstanceHook {
  constructor(
    hooks: InstanceHooks,
    private readonly clock: Clock,
  ) {
    hooks.add(this);
  }

  /** Looks before the turns are gone, and writes after: whoever ends one of them just now comes first. */
  async deleting(tx: Tx, agentId: string): Promise<() => Promise<void>> {
    const turns = await tx.query<{ id: string }>(
      `select id from turns where agent_id = $1 and source_agent_id <> $1 and state in ('queued', 'running')`,
      [agentId],
    );
    return () =>
      this.end(
        tx,
        turns.map(({ id }) => collaborationIdOf(id)),
      );
  }

  running(): Promise<void> {
    return Promise.resolve();
  }

  stopping(): Promise<void> {
    return Promise.resolve();
  }

  halted(): Promise<void> {
    return Promise.resolve();
  }

  private async end(tx: Tx, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const open = await tx.of(Activity).findBy({ id: In([...ids]), state: 'started' });
    for (const activity of open) {
      const details = { ...activity.details, outcome: 'interrupted' };
      Object.assign(activity, { state: 'failed', error: 'The agent was deleted', endedAt: this.clock.now(), details });
      await tx.of(Activity).save(activity);
      const asker = await tx.of(Agent).findOneBy({ id: activity.agentId });
      if (asker) await announce(tx, asker.orgId, asker.id, activity);
    }
  }
}
