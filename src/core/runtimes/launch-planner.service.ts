import { createHash, createHmac } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import type { Agent } from '../agents/agent.entity.js';
import { asksFirst } from '../agents/agent.rules.js';
import { Unavailable } from '../errors/domain-error.js';
import { ContainerEngine } from '../instances/engine.port.js';
import { EngineWatch } from '../instances/engine-watch.service.js';
import type { Instance } from '../instances/instance.entity.js';
import type { Variables } from '../credentials/environment.rules.js';
import { AgentEnvironment } from './agent-environment.service.js';
import { isWithoutProvider } from './model.rules.js';
import { Models, type ModelEndpoint } from './models.port.js';
import { PrivateContext } from './private-context.service.js';
import { ownEndpoint, withoutVendors } from './own-keys.rules.js';
import { Runtimes, type AgentRuntime, type InnerContext, type Launch } from './runtime.port.js';

export interface LaunchPlan {
  readonly runtime: AgentRuntime;
  /** Changes when the agent, its provider or its key does: then a running generation is outdated. */
  readonly fingerprint: string;
  /** The demo model answers. */
  readonly demo: boolean;
  /** The runtime gets the installation's provider key. */
  readonly platformKey: boolean;
  /** Reads what the agent is given and what its home holds, so call it just before the start. */
  launch(generation: { readonly number: number; readonly innerPort: number }): Promise<OwnLaunch>;
}

/** A launch with what comes from the agent itself: that is set when its process is the agent's user already. */
export interface OwnLaunch extends Launch {
  readonly own: Variables;
}

/** What a launch is made from. */
@Injectable()
export class LaunchSources {
  constructor(
    readonly models: Models,
    readonly environment: AgentEnvironment,
    readonly context: PrivateContext,
  ) {}
}

/** Decides how an agent's runtime is started: which provider, which model, which settings. */
@Injectable()
export class LaunchPlanner {
  constructor(
    private readonly config: Config,
    private readonly runtimes: Runtimes,
    private readonly sources: LaunchSources,
    private readonly engine: ContainerEngine,
    private readonly watch: EngineWatch,
  ) {}

  /** Throws `Unavailable` when no provider the runtime can use is configured. */
  async plan(agent: Agent, instance: Instance, wanted: string | null): Promise<LaunchPlan> {
    const runtime = this.runtimes.get(agent.runtime);
    const { platformKey } = agent;
    // Who names another model for one message names no provider for it.
    const provider = wanted === agent.model ? agent.provider : null;
    const model = platformKey && isWithoutProvider(provider, runtime, this.sources.models) ? null : wanted;
    const endpoint = platformKey ? await this.endpointOf(runtime, provider) : null;
    const approvals = asksFirst(agent, runtime) ? 'ask' : 'auto';
    const { instructions, readOnly } = agent;
    return {
      runtime,
      platformKey,
      demo: endpoint?.demo ?? false,
      fingerprint: fingerprintOf(
        [
          runtime.name,
          model,
          instructions,
          approvals,
          ...(readOnly ? ['read-only'] : []),
          ...(agent.privateInstructions === null ? [] : ['private', agent.privateInstructions]),
        ],
        endpoint,
      ),
      launch: async ({ number, innerPort }) => {
        const { environment, context } = this.sources;
        const own = await environment.own({ instanceId: instance.id, agentId: agent.id, ref: instance.ref ?? '' });
        const launch = runtime.launch({
          model,
          endpoint: endpoint ?? ownEndpoint(runtime.providers, own, (name) => this.sources.models.defaultModel(name)),
          approvals,
          readOnly,
          instructions,
          privateFile: runtime.takesPrivate ? await context.place(instance, agent) : null,
          home: this.engine.pathOf(instance.ref ?? '', 'home'),
          ...this.inner({ instanceId: instance.id, number, innerPort }),
        });
        const env = { ...launch.env, ...(await environment.keys(agent.id)) };
        return { ...launch, env, own: endpoint ? withoutVendors(own, endpoint.provider) : own };
      },
    };
  }

  /** Where a runtime's inner server listens and what it demands. The password is derived, so it is stored nowhere. */
  inner(generation: {
    readonly instanceId: string;
    readonly number: number;
    readonly innerPort: number;
  }): InnerContext {
    const { instanceId, number, innerPort } = generation;
    const mac = createHmac('sha256', Buffer.from(this.config.masterKey.reveal()));
    return { innerPort, innerPassword: mac.update(`inner:${instanceId}:${number}`).digest('base64url') };
  }

  /** @param preferred asked first, where the runtime can use it */
  private async endpointOf(runtime: AgentRuntime, preferred: string | null): Promise<ModelEndpoint> {
    const hostAddress = this.watch.require().hostAddress;
    const first = runtime.providers.filter((name) => name === preferred);
    for (const provider of [...first, ...runtime.providers]) {
      const endpoint = await this.sources.models.endpoint(provider, hostAddress);
      if (endpoint) return endpoint;
    }
    const names = runtime.providers.join(' or ');
    throw new Unavailable(`${runtime.title} needs a model provider: configure ${names}`, 'no_provider');
  }
}

function fingerprintOf(parts: readonly (string | null)[], endpoint: ModelEndpoint | null): string {
  const hash = createHash('sha256');
  if (!endpoint)
    return hash
      .update(JSON.stringify([...parts, 'own keys']))
      .digest('hex')
      .slice(0, 32);
  const { provider, baseUrl, apiKey, oauthToken, defaultModel } = endpoint;
  const all = [...parts, provider, baseUrl, apiKey?.reveal() ?? null, oauthToken?.reveal() ?? null, defaultModel];
  return hash.update(JSON.stringify(all)).digest('hex').slice(0, 32);
}
