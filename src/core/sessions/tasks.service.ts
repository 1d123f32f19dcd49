import { Injectable } from '@nestjs/common';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Invalid, TimedOut } from '../errors/domain-error.js';
import { checkModel } from '../runtimes/agent-models.service.js';
import { Runtimes } from '../runtimes/runtime.port.js';
import type { Activity } from './activity.entity.js';
import { History } from './history.service.js';
import { Prompts } from './prompts.service.js';
import type { Session } from './session.entity.js';
import type { Turn } from './turn.entity.js';

/** Work that stands for itself: nothing said before counts, and nothing said in it is remembered. */
export interface Task {
  readonly text: string;
  readonly model: string | null;
  /** The only tools it may use; empty: all. */
  readonly allowedTools: readonly string[];
  /** On top of the agent's own. */
  readonly instructions: string | null;
  /** From now on, waiting included. */
  readonly timeoutSeconds: number;
  readonly sourceAgentId: string | null;
}

export interface TaskResult {
  readonly turn: Turn;
  readonly session: Session;
  readonly tools: readonly Activity[];
}

/** Tasks of an agent that may wait for the ones that run. */
const longestQueue = 20;

/** Runs tasks beside the chat and waits for them. */
@Injectable()
export class Tasks {
  constructor(
    private readonly prompts: Prompts,
    private readonly history: History,
    private readonly runtimes: Runtimes,
  ) {}

  /** Throws `TimedOut` when the time is over; then the task is stopped. When `gone` fires it goes on. */
  async run(who: Principal, agent: Agent, task: Task, gone?: AbortSignal): Promise<TaskResult> {
    const { text, timeoutSeconds, sourceAgentId } = task;
    const model = task.model === null ? null : checkModel(task.model);
    const options = this.optionsOf(agent, task);
    const limits = { timeoutSeconds, queueLimit: longestQueue };
    const { turn } = await this.prompts.send(who, agent, {
      text,
      model,
      lane: 'task',
      options,
      sourceAgentId,
      ...limits,
    });
    const ended = await this.prompts.ended(turn.id, timeoutSeconds, gone).catch(async (error: unknown) => {
      if (error instanceof TimedOut) {
        await this.prompts.giveUp(turn.id, `The task took longer than the ${timeoutSeconds} s it is allowed`);
        throw new TimedOut(`The task took longer than the ${timeoutSeconds} s it is allowed`, 'execution_timeout');
      }
      throw error;
    });
    const session = await this.history.session(who, agent, ended.sessionId);
    return { turn: ended, session, tools: await this.history.tools(ended.id) };
  }

  private optionsOf(
    agent: Agent,
    { allowedTools, instructions }: Task,
  ): { instructions?: string; allowedTools?: string[] } {
    const runtime = this.runtimes.get(agent.runtime);
    if (allowedTools.length > 0 && runtime.canRestrictTools !== true) {
      const why = `${runtime.title} cannot be held to a list of tools: leave allowed_tools out`;
      throw new Invalid(why, [], 'tools_not_restrictable');
    }
    if (!allowedTools.every((name) => /^[\w-]{1,100}$/.test(name))) {
      throw new Invalid(
        'allowed_tools takes whole tools by name, such as "Read", without patterns',
        [],
        'invalid_tools',
      );
    }
    const extra = instructions?.trim() ? { instructions } : {};
    return { ...extra, ...(allowedTools.length > 0 ? { allowedTools: [...allowedTools] } : {}) };
  }
}
