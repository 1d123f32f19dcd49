import { Injectable } from '@nestjs/common';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Unavailable, Upstream } from '../errors/domain-error.js';
import { ChannelError, Channels } from './channel.port.js';
import { EngineError } from './engine.errors.js';
import { InstancesService } from './instances.service.js';

/** How long an agent that is there may take to answer. */
const patienceMs = 10_000;

/** Whether an agent is there, for calls that promise to say so at once instead of waiting with everybody else. */
@Injectable()
export class AgentReach {
  constructor(
    private readonly instances: InstancesService,
    private readonly channels: Channels,
    private readonly clock: Clock,
  ) {}

  /** Throws `Unavailable('agent_not_running')`, or `Upstream('agent_unreachable')` when it does not answer within 10 s. */
  async require(agent: Agent): Promise<void> {
    const instance = await this.instances.findOf(agent.id);
    if (instance?.state !== 'running' || instance.desired !== 'running' || !instance.ref) {
      throw new Unavailable('Agent is not running', 'agent_not_running');
    }
    const { id: instanceId, ref } = instance;
    const asked = this.channels.of({ instanceId, ref }, 'developer').then((channel) => channel.ping());
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.clock.after(patienceMs, () => {
        reject(new ChannelError('timeout', 'no answer within 10 s'));
      });
    });
    try {
      await Promise.race([asked, late]);
    } catch (error) {
      if (!(error instanceof ChannelError || error instanceof EngineError)) throw error;
      asked.catch(() => undefined);
      throw new Upstream('The agent does not respond', 'agent_unreachable', { cause: error });
    } finally {
      cancel();
    }
  }
}
