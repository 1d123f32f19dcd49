import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { crashPoint } from '../crash-point.js';
import type { InstanceHook } from '../instances/instance-hooks.js';
import { Instance } from '../instances/instance.entity.js';
import { Opening } from './opening.entity.js';
import { Prompts } from './prompts.service.js';
import { TurnIntake } from './turn-intake.service.js';

/** Sends the first message of an agent as soon as it runs: once, whoever dies in between. */
@Injectable()
export class Openings implements InstanceHook {
  constructor(
    private readonly db: UnitOfWork,
    private readonly intake: TurnIntake,
    private readonly prompts: Prompts,
  ) {}

  running(instance: Instance): Promise<void> {
    return this.send(instance.agentId);
  }

  stopping(): Promise<void> {
    return Promise.resolve();
  }

  halted(): Promise<void> {
    return Promise.resolve();
  }

  /** The message becomes a turn and stops waiting in one transaction. Does nothing where none waits, or the agent does not run. */
  async send(agentId: string): Promise<void> {
    const sent = await this.db.run(async (tx) => {
      // The instance first, as everywhere: who sends or stops meets here.
      const instance = await tx.lock(Instance, { agentId });
      if (instance?.state !== 'running' || instance.desired !== 'running') return null;
      const opening = await tx.lock(Opening, { agentId });
      const agent = opening && (await tx.of(Agent).findOneBy({ id: agentId }));
      if (!agent) return null;
      const made = await this.intake.accept(tx, opening.userId, agent, { text: opening.prompt });
      await tx.of(Opening).delete({ agentId });
      return made;
    });
    crashPoint('opening.sent');
    if (sent) this.prompts.stored(sent.accepted.turn, sent.log);
  }
}
