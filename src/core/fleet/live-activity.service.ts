import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';

/** The view of what an agent does now can be emptied; what it did stays in the timeline. */
@Injectable()
export class LiveActivity {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly clock: Clock,
  ) {}

  async clear(who: Principal, slug: string): Promise<void> {
    const { id } = await this.access.agent(who, { slug }, 'operate');
    await this.db.run((tx) => tx.of(Agent).update({ id }, { activityClearedAt: this.clock.now() }));
  }
}
