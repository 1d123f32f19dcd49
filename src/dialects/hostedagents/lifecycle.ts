import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import type { Principal } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { defaultResources } from '../../core/agents/agent.rules.js';
import { Secret } from '../../core/credentials/secret.js';
import { DomainError, Invalid, Unavailable } from '../../core/errors/domain-error.js';
import { AgentLifecycle } from '../../core/instances/agent-lifecycle.service.js';
import { AgentProfile, type ProfileChange } from '../../core/instances/agent-profile.service.js';
import { AgentStarts } from '../../core/sessions/agent-starts.service.js';
import { EngineWatch } from '../../core/instances/engine-watch.service.js';
import { Groups } from '../../core/groups/groups.service.js';
import type { CreateAgentBody, PatchAgentBody } from './lifecycle.dto.js';
import { groupMeant } from './scope-wish.js';
import { ModelList } from './model-list.js';

/** How long calls wait (contract section 2). */
const createSeconds = 60;
const startSeconds = 30;
const graceSeconds = 3;

/** Changing what exists. */
@Injectable()
export class AgentChanges {
  constructor(
    readonly profile: AgentProfile,
    readonly lifecycle: AgentLifecycle,
    readonly watch: EngineWatch,
  ) {}
}

/** What this API asks of agents, in core's words. */
@Injectable()
export class HostedLifecycle {
  constructor(
    private readonly config: Config,
    private readonly starts: AgentStarts,
    private readonly changes: AgentChanges,
    private readonly models: ModelList,
    private readonly groups: Groups,
  ) {}

  /** Answers the new agent's own id. */
  async create(who: Principal, body: CreateAgentBody): Promise<string> {
    const { provider, model } = this.models.chosen(body.model);
    const hidden = textOf(body.hiddenPrompt);
    const named = { scopeId: body.scopeId ?? undefined, scope: body.scope ?? undefined };
    const groupId = (await groupMeant(this.groups, who, named)) ?? null;
    const wish = {
      displayName: body.name,
      type: 'business-assistant',
      runtime: this.models.runtimeFor(provider, hidden !== null),
      provider,
      model,
      template: null,
      instructions: null,
      privateInstructions: hidden === null ? null : new Secret(hidden),
      githubRepo: null,
      resources: defaultResources,
      // Somebody polls for what the agent asks, and answers.
      approvals: 'ask',
      seed: null,
      groupId,
    } as const;
    const { runningLimit } = this;
    const prompt = promptOf(body.initialPrompt);
    return this.starts
      .create(who, wish, { prompt, runningLimit, waitSeconds: createSeconds })
      .catch(failedAs('start_failed'));
  }

  async change(who: Principal, agent: Agent, { name, model, scopeId, scope }: PatchAgentBody): Promise<void> {
    const groupId = await groupMeant(this.groups, who, { scopeId, scope });
    const more = name !== undefined || model !== undefined;
    if (!more && groupId === undefined) throw new Invalid('Nothing to change: send name, model, scope or scopeId');
    const chosen = model === undefined ? undefined : this.models.chosen(model);
    if (chosen) this.models.requireServed(agent.runtime, chosen.provider);
    const change: ProfileChange = {
      ...(name === undefined ? {} : { displayName: name }),
      ...(chosen ? { model: chosen } : {}),
    };
    if (more) await this.changes.profile.change(who, agent.id, change);
    if (groupId !== undefined) await this.groups.assign(who, { id: agent.id }, groupId);
  }

  async remove(who: Principal, agent: Agent): Promise<void> {
    // Only with its container: otherwise it is kept, and can be deleted again.
    try {
      this.changes.watch.require();
      await this.changes.lifecycle.remove(who, { id: agent.id });
    } catch (error) {
      failedAs('stop_failed')(error);
    }
  }

  start(who: Principal, agent: Agent): Promise<boolean> {
    const options = { runningLimit: this.runningLimit, waitSeconds: startSeconds };
    return this.starts.start(who, agent, options).catch(failedAs('start_failed'));
  }

  stop(who: Principal, agent: Agent): Promise<boolean> {
    return this.starts.stop(who, agent, graceSeconds).catch(failedAs('stop_failed'));
  }

  restart(who: Principal, agent: Agent, force: boolean): Promise<void> {
    const { runningLimit } = this;
    const options = { runningLimit, waitSeconds: startSeconds, graceSeconds };
    return this.starts.restart(who, agent, force, options).catch(failedAs('start_failed'));
  }

  private get runningLimit(): number {
    return this.config.hostedagents.maxRunning;
  }
}

/** The engine is away: nothing is wrong with the agent. */
const passing: ReadonlySet<string> = new Set(['engine_unavailable', 'engine_unreachable']);

/** This API has one word for each (contract 1.3); the sentence says why. */
const failedAs =
  (code: 'start_failed' | 'stop_failed') =>
  (error: unknown): never => {
    if (!(error instanceof DomainError) || !passing.has(error.code)) throw error;
    const after = error instanceof Unavailable ? error.retryAfterSeconds : null;
    throw new Unavailable(error.message, code, after, { cause: error });
  };

/** Blank is none. */
const promptOf = (text: string | null | undefined): string | null => (text?.trim() ? text : null);

const textOf = (text: string | null | undefined): string | null => (text ? text : null);
