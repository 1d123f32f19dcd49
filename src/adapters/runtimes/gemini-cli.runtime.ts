import type { AgentRuntime } from '../../core/runtimes/runtime.port.js';

/** Gemini CLI in ACP mode. The model is always named: with its own `auto` a router asks for JSON first. */
export const geminiCli: AgentRuntime = {
  name: 'gemini-cli',
  title: 'Gemini CLI',
  providers: ['google'],
  canAsk: true,
  ownVariables: ['GEMINI_CLI_*'],
  needsInnerPort: false,
  stores: ['.gemini', '.cache/gemini'],
  authMethod: 'gemini-api-key',
  launch({ model, endpoint, instructions }) {
    return {
      argv: ['gemini', '--acp', '-m', model ?? endpoint.defaultModel],
      env: {
        GEMINI_API_KEY: endpoint.apiKey?.reveal() ?? 'none',
        ...(endpoint.baseUrl ? { GOOGLE_GEMINI_BASE_URL: endpoint.baseUrl } : {}),
        GEMINI_CLI_NO_RELAUNCH: 'true',
        GEMINI_CLI_TRUST_WORKSPACE: 'true',
      },
      files: instructions ? [{ path: '.gemini/GEMINI.md', content: instructions }] : [],
    };
  },
  sessionMeta: () => null,
  knownModels: ['gemini-2.5-pro', 'gemini-2.5-flash'],
  modeFor: (approvals) => (approvals === 'auto' ? 'yolo' : 'default'),
  terminalPrograms: ['gemini'],
  questions: null,
};
