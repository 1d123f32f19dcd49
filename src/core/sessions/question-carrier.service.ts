import { Injectable, Logger } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { Channels } from '../instances/channel.port.js';
import type { Instance } from '../instances/instance.entity.js';
import { Generation } from '../runtimes/generation.entity.js';
import { LaunchPlanner } from '../runtimes/launch-planner.service.js';
import { Runtimes, type InnerCall } from '../runtimes/runtime.port.js';
import { AgentRequest } from './agent-request.entity.js';
import type { QuestionAnswer, QuestionPayload } from './request.rules.js';

/** What the carrier finds its way with. */
@Injectable()
export class CarrierMap {
  constructor(
    readonly runtimes: Runtimes,
    readonly planner: LaunchPlanner,
  ) {}
}

const tries = 50;
const pauseMs = 200;

/**
 * Carries answers to runtimes whose questions are answered over a server of their own inside the container.
 * The answer is stored before; carrying it may be repeated, because the runtime lists only what still waits.
 */
@Injectable()
export class QuestionCarrier {
  private readonly logger = new Logger(QuestionCarrier.name);
  private readonly busy = new Set<string>();

  constructor(
    private readonly db: UnitOfWork,
    private readonly channels: Channels,
    private readonly map: CarrierMap,
    private readonly clock: Clock,
  ) {}

  /** After a restart: carries what was stored and not confirmed. */
  async resume(instance: Instance, generation: number): Promise<void> {
    const where = { instanceId: instance.id, generation, state: 'answering' } as const;
    for (const request of await this.db.of(AgentRequest).findBy(where)) void this.carry(instance, request.id);
  }

  async carry(instance: Instance, requestId: string): Promise<void> {
    if (this.busy.has(requestId)) return;
    this.busy.add(requestId);
    try {
      for (let attempt = 0; attempt < tries; attempt += 1) {
        if (await this.attempt(instance, requestId)) return;
        await this.clock.sleep(pauseMs);
      }
      this.logger.warn(`The answer to question ${requestId} could not be brought to the runtime`);
    } catch (error) {
      this.logger.warn(`Carrying the answer to question ${requestId} was cut`, error);
    } finally {
      this.busy.delete(requestId);
    }
  }

  /** True when there is nothing left to do. */
  private async attempt(instance: Instance, requestId: string): Promise<boolean> {
    const request = await this.db.of(AgentRequest).findOneBy({ id: requestId });
    if (request?.state !== 'answering') return true;
    const { instanceId, generation: number } = request;
    const generation = await this.db.of(Generation).findOneBy({ instanceId, number });
    const agent = await this.db.of(Agent).findOneBy({ id: request.agentId });
    const bridge = agent && this.map.runtimes.find(agent.runtime)?.questions;
    if (!bridge || !generation || generation.state === 'ended') return true;
    const context = this.map.planner.inner({ instanceId, number, innerPort: generation.innerPort });
    const waiting = await this.call(instance, bridge.listCall(context));
    const id = waiting === null ? null : bridge.findId(waiting, request.rpcId.slice('tool:'.length));
    if (id === null) return false;
    const answers = listed(request);
    if ((await this.call(instance, bridge.answerCall(context, id, answers))) === null) return false;
    await this.db.run(async (tx) => {
      await tx.of(AgentRequest).update({ id: requestId, state: 'answering' }, { state: 'answered' });
    });
    return true;
  }

  private async call(instance: Instance, call: InnerCall): Promise<string | null> {
    const channel = await this.channels.of({ instanceId: instance.id, ref: instance.ref ?? '' }, 'root');
    const { exitCode, stdout } = await channel.run({ argv: call.argv, stdin: call.stdin, cwd: '/', timeoutMs: 15_000 });
    return exitCode === 0 ? stdout.toString() : null;
  }
}

/** One list of labels per question, in the order they were asked; null declines. */
function listed(request: AgentRequest): string[][] | null {
  const given = request.answer?.['answers'] as QuestionAnswer | undefined;
  if (!given) return null;
  const { questions } = request.payload as unknown as QuestionPayload;
  return questions.map((question) => [...(given[question.key] ?? [])]);
}
