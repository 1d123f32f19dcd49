import type { Config } from '../../config/config.js';
import type { Agent } from '../agents/agent.entity.js';
import { Secret } from '../credentials/secret.js';
import type { EngineWatch } from '../instances/engine-watch.service.js';
import type { ContainerEngine } from '../instances/engine.port.js';
import type { Instance } from '../instances/instance.entity.js';
import { LaunchPlanner, type LaunchSources } from './launch-planner.service.js';
import type { LaunchContext, Runtimes } from './runtime.port.js';

describe('the model of a launch', () => {
  async function launched(configured: readonly string[], model: string | null, provider: string | null) {
    const seen: LaunchContext[] = [];
    const launch = (context: LaunchContext) => {
      seen.push(context);
      return { argv: [], env: {}, files: [] };
    };
    const runtime = { name: 'both', title: 'Both', providers: ['openai', 'anthropic'], launch, takesPrivate: false };
    const has = (name: string): boolean => configured.includes(name);
    const endpoint = (name: string) =>
      Promise.resolve(has(name) ? { provider: name, baseUrl: null, apiKey: null, oauthToken: null } : null);
    const own = () => Promise.resolve(new Map());
    const keys = () => Promise.resolve({});
    const planner = new LaunchPlanner(
      { masterKey: new Secret('m') } as unknown as Config,
      { get: () => runtime } as unknown as Runtimes,
      { models: { has, endpoint }, environment: { own, keys } } as unknown as LaunchSources,
      { pathOf: () => '/home' } as unknown as ContainerEngine,
      { require: () => ({ hostAddress: '127.0.0.1' }) } as unknown as EngineWatch,
    );
    const agent = { runtime: 'both', platformKey: true, approvals: 'auto', privateInstructions: null, model, provider };
    const plan = await planner.plan(agent as unknown as Agent, { id: 'i' } as Instance, model);
    await plan.launch({ number: 1, innerPort: 0 });
    return { model: seen[0]?.model, provider: seen[0]?.endpoint.provider, fingerprint: plan.fingerprint };
  }

  it('is the one of the agent, at its own provider', async () => {
    expect(await launched(['openai', 'anthropic'], 'opus', 'anthropic')).toMatchObject({
      model: 'opus',
      provider: 'anthropic',
    });
    // Whatever there is serves a provider that no runtime knows.
    expect(await launched(['openai'], 'big', 'opencode')).toMatchObject({ model: 'big', provider: 'openai' });
    expect(await launched(['openai'], 'any', null)).toMatchObject({ model: 'any', provider: 'openai' });
  });

  it('is the default of whoever serves while its own provider is configured no more', async () => {
    const now = await launched(['openai'], 'opus', 'anthropic');
    expect(now).toMatchObject({ model: null, provider: 'openai' });
    // Its return is a change: the runtime is started anew.
    expect((await launched(['openai', 'anthropic'], 'opus', 'anthropic')).fingerprint).not.toBe(now.fingerprint);
  });
});
