import type { Config } from '../../config/config.js';
import type { Models } from '../../core/runtimes/models.port.js';
import type { AgentRuntime, Runtimes } from '../../core/runtimes/runtime.port.js';
import { ModelList } from './model-list.js';

const known: Readonly<Record<string, Partial<AgentRuntime>>> = {
  one: { title: 'One', providers: ['anthropic'] },
  two: { title: 'Two', providers: ['openai', 'anthropic'] },
};
const runtimes = { names: ['one', 'two'], fallback: 'one', find: (name: string) => known[name] } as unknown as Runtimes;

describe('models of a runtime', () => {
  const listOf = (...configured: string[]): ModelList => {
    const providers = Object.fromEntries(configured.map((name) => [name, {}]));
    const config = { providers, hostedagents: { models: null } } as unknown as Config;
    const models = { has: (name: string) => configured.includes(name), defaultModel: () => 'm' } as unknown as Models;
    return new ModelList(config, models, runtimes);
  };

  it('refuses a provider that other runtimes use and this one does not', () => {
    const list = listOf('openai', 'anthropic');
    expect(() => list.requireServed('one', 'openai')).toThrow('One does not use models of openai');
    list.requireServed('two', 'openai');
    list.requireServed('one', 'anthropic');
    list.requireServed('one', null);
  });

  it('what no runtime here names as a provider is served by whatever there is, as at creation', () => {
    listOf('anthropic').requireServed('one', 'openai');
    listOf('openai').requireServed('one', 'opencode');
  });
});
