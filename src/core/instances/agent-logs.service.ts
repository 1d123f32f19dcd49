import { Injectable } from '@nestjs/common';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Upstream } from '../errors/domain-error.js';
import { EngineError } from './engine.errors.js';
import { ContainerEngine } from './engine.port.js';
import { EngineWatch } from './engine-watch.service.js';
import { GivenValues } from './given-values.js';
import { InstancesService } from './instances.service.js';

/** Output of an agent's container. */
@Injectable()
export class AgentLogs {
  constructor(
    private readonly access: Access,
    private readonly instances: InstancesService,
    private readonly watch: EngineWatch,
    private readonly engine: ContainerEngine,
    private readonly given: GivenValues,
  ) {}

  /** The last `tail` lines (0..10,000) as text, without the values the agent was given; also of a stopped agent. Empty when there never was a container. */
  async tail(who: Principal, slug: string, tail: number): Promise<string> {
    const agent = await this.access.agent(who, { slug }, 'view');
    const instance = await this.instances.findOf(agent.id);
    if (!instance?.ref) return '';
    this.watch.require();
    const lines = Math.max(0, Math.min(10_000, Math.trunc(tail)));
    if (lines === 0) return '';
    const pieces: Buffer[] = [];
    try {
      for await (const piece of this.engine.logs(instance.ref, { tail: lines })) pieces.push(piece);
    } catch (error) {
      if (!(error instanceof EngineError) || error.fault === 'unreachable') throw error;
      if (error.fault === 'not_found') return '';
      throw new Upstream(`Failed to get logs: ${error.message}`, 'logs_failed', { cause: error });
    }
    const redactor = await this.given.redactor(instance.id);
    return redactor.text(Buffer.concat(pieces).toString('utf8'));
  }
}
