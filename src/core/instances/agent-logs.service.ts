import { Injectable } from '@nestjs/common';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Upstream } from '../errors/domain-error.js';
import { EngineError } from './engine.errors.js';
import { ContainerEngine } from './engine.port.js';
import { EngineWatch } from './engine-watch.service.js';
import { GivenValues } from './given-values.js';
import { InstancesService } from './instances.service.js';

/** What is remembered of logs for when the engine is away: the end of each, of the agents that were looked at last. */
const rememberedCharacters = 64 * 1024;
const rememberedAgents = 200;

/** Output of an agent's container. */
@Injectable()
export class AgentLogs {
  private readonly last = new Map<string, string>();

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
    const lines = Math.max(0, Math.min(10_000, Math.trunc(tail)));
    if (lines === 0) return '';
    if (!this.watch.connected) return this.remembered(instance.id, lines);
    const pieces: Buffer[] = [];
    try {
      for await (const piece of this.engine.logs(instance.ref, { tail: lines })) pieces.push(piece);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      if (error.fault === 'unreachable') {
        if (await this.watch.answers()) throw error;
        return this.remembered(instance.id, lines);
      }
      if (error.fault === 'not_found') return '';
      throw new Upstream(`Failed to get logs: ${error.message}`, 'logs_failed', { cause: error });
    }
    const redactor = await this.given.redactor(instance.id);
    const text = redactor.text(Buffer.concat(pieces).toString('utf8'));
    this.remember(instance.id, text);
    return text;
  }

  private remember(instanceId: string, text: string): void {
    this.last.delete(instanceId);
    this.last.set(instanceId, lastLines(text.slice(-rememberedCharacters), 10_000));
    const [oldest] = this.last.keys();
    if (this.last.size > rememberedAgents && oldest !== undefined) this.last.delete(oldest);
  }

  /** Only the engine keeps all output. While it is away, what was read of it last is better than nothing. */
  private remembered(instanceId: string, lines: number): string {
    const text = this.last.get(instanceId);
    if (text === undefined) this.watch.require();
    return lastLines(text ?? '', lines);
  }
}

const lastLines = (text: string, lines: number): string =>
  text
    .split(/(?<=\n)/)
    .slice(-lines)
    .join('');
