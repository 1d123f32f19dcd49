import type { Config } from '../../config/config.js';
import type { Models } from '../../core/runtimes/models.port.js';
import type { AgentRuntime, Runtimes } from '../../core/runtimes/runtime.port.js';
import { ModelList } from './model-list.js';

const both: Partial<AgentRuntime> = { providers: ['openai', 'anthropic'], canAsk: true };
const runtimes = {
  names: ['both'],
  fallback: 'both',
  find: (name: string) => (name === 'both' ? both : null),
} as unknown as Runtimes;

describe('the model of an agent for which none was named', () => {
  function listOf(configured: readonly string[], models: readonly string[] | null = null): ModelList {
    const providers = Object.fromEntries(configured.map((name) => [name, {}]));
    const has = (name: string): boolean => configured.length === 0 || configured.includes(name);
    const defaultModel = (name: string): string => `${name}-default`;
    const config = { providers, hostedagents: { models } } as unknown as Config;
    return new ModelList(config, { has, defaultModel } as unknown as Models, runtimes);
  }
  const agent = (model: string | null, provider: string | null) => ({ model, provider, runtime: 'both' });

  it('is the first of the list, and is chosen like one that was named', () => {
    const list = listOf(['openai', 'anthropic'], ['anthropic/claude-opus-4-6', 'openai/gpt']);
    for (const named of [null, undefined, 'anthropic/claude-opus-4-6']) {
      expect(list.chosen(named)).toEqual({ provider: 'anthropic', model: 'claude-opus-4-6' });
    }
    expect(list.of(agent('claude-opus-4-6', 'anthropic'))).toBe('anthropic/claude-opus-4-6');
    expect(listOf(['anthropic']).chosen(null)).toEqual({ provider: 'anthropic', model: 'anthropic-default' });
  });

  it('is what its runtime takes by itself where another API made it', () => {
    expect(listOf(['openai', 'anthropic'], ['anthropic/x']).of(agent(null, null))).toBe('openai/openai-default');
    expect(listOf(['anthropic'], ['openai/x']).of(agent(null, null))).toBe('anthropic/anthropic-default');
    expect(listOf(['google'], ['google/x']).of(agent(null, null))).toBe('google/x');
  });

  it('is nobody else when the demo model stands in: what is configured later takes its place', () => {
    const before = listOf([]);
    expect(before.chosen(null)).toEqual({ provider: null, model: null });
    expect(before.of(agent(null, null))).toBe('demo/demo-1');
    expect(listOf(['anthropic']).of(agent(null, null))).toBe('anthropic/anthropic-default');
  });

  it('is the one that serves while its own provider is configured no more', () => {
    expect(listOf(['openai']).of(agent('claude-opus-4-6', 'anthropic'))).toBe('openai/openai-default');
    expect(listOf(['openai']).of(agent('big-pickle', 'opencode'))).toBe('opencode/big-pickle');
    expect(listOf(['google']).of(agent('claude-opus-4-6', 'anthropic'))).toBe('anthropic/claude-opus-4-6');
  });
});
