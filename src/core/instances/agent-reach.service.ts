import { Injectable } from '@nestjs/common';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Unavailable, Upstream } from '../errors/domain-error.js';
import { ChannelError, Channels } from './channel.port.js';
import { EngineError } from './engine.errors.js';
import { EngineWatch } from './engine-watch.service.js';
import type { Instance } from './instance.entity.js';
import { InstancesService } from './instances.service.js';

/** How long an agent that is there may take to answer. */
const patienceMs = 10_000;

/** For so long what an agent did last is good enough to be told. */
const freshMs = 5000;
const mostKnown = 10_000;

interface Known {
  /** Of the run it was asked in. */
  readonly boot: string | null;
  readonly answers: boolean;
  /** When it was asked. */
  readonly at: number;
}

/** Whether an agent is there, for calls that promise to say so at once instead of waiting with everybody else. */
@Injectable()
export class AgentReach {
  private readonly known = new Map<string, Known>();
  private readonly asking = new Set<string>();

  constructor(
    private readonly instances: InstancesService,
    private readonly channels: Channels,
    private readonly watch: EngineWatch,
    private readonly clock: Clock,
  ) {}

  /** Throws `Unavailable('agent_not_running')`, or `Upstream('agent_unreachable')` when it does not answer within 10 s. */
  async require(agent: Agent): Promise<void> {
    const instance = await this.instances.findOf(agent.id);
    if (instance?.state !== 'running' || instance.desired !== 'running' || !instance.ref) {
      throw new Unavailable('Agent is not running', 'agent_not_running');
    }
    try {
      await this.ask(instance);
    } catch (error) {
      if (!(error instanceof ChannelError || error instanceof EngineError)) throw error;
      throw new Upstream('The agent does not respond', 'agent_unreachable', { cause: error });
    }
  }

  /**
   * Whether an instance that runs answered when it was last asked. Nobody waits for that: what was asked long ago is asked
   * again beside, for the next look.
   */
  answers(instance: Instance): boolean {
    if (!this.watch.connected) return false;
    const { id, boot } = instance;
    const known = this.known.get(id);
    const now = this.clock.now().getTime();
    const old = known?.boot !== boot || now - known.at >= freshMs;
    if (old && !this.asking.has(id)) {
      this.asking.add(id);
      // What it says is remembered by then; a fault that is none of these says nothing of the agent.
      void this.ask(instance)
        .catch(() => undefined)
        .finally(() => this.asking.delete(id));
    }
    return known?.boot === boot ? known.answers : true;
  }

  /** Waits for an answer, at most 10 s, and remembers whether one came. Throws the error of the channel or the engine. */
  async ask({ id, ref, boot }: Instance): Promise<void> {
    const asked = this.channels.of({ instanceId: id, ref: ref ?? '' }, 'developer').then((channel) => channel.ping());
    let cancel = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      cancel = this.clock.after(patienceMs, () => {
        reject(new ChannelError('timeout', 'no answer within 10 s'));
      });
    });
    try {
      await Promise.race([asked, late]);
      this.remember(id, boot, true);
    } catch (error) {
      asked.catch(() => undefined);
      // A channel that was closed under the call says nothing: the next one is new.
      const closed = error instanceof ChannelError && error.fault === 'closed';
      if (!closed) this.remember(id, boot, false);
      throw error;
    } finally {
      cancel();
    }
  }

  private remember(id: string, boot: string | null, answers: boolean): void {
    if (this.known.size >= mostKnown && !this.known.has(id)) this.known.clear();
    this.known.set(id, { boot, answers, at: this.clock.now().getTime() });
  }
}
