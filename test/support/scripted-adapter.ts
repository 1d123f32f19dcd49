import path from 'node:path';
import type { AgentRuntime } from '../../src/core/runtimes/runtime.port.js';
import type { ExtraRuntimes } from '../../src/adapters/local/runtime-store.js';

const program = path.join(__dirname, 'scripted-runtime.mjs');

/** The scripted ACP runtime (scripted-runtime.mjs) as an adapter: real processes, no model, steps in the prompt. */
export const scriptedRuntime: AgentRuntime = {
  name: 'scripted',
  title: 'Scripted runtime',
  providers: ['openai', 'anthropic', 'google'],
  canAsk: true,
  needsInnerPort: false,
  takesPrivate: true,
  stores: ['.scripted'],
  authMethod: null,
  launch: ({ instructions, privateFile }) => ({
    argv: ['node', program],
    env: { ...(privateFile ? { PRIVATE_FILE: privateFile.path } : {}) },
    files: instructions ? [{ path: 'INSTRUCTIONS.md', content: instructions }] : [],
  }),
  sessionMeta: ({ allowedTools }) => (allowedTools ? { allowedTools } : null),
  canRestrictTools: true,
  knownModels: ['scripted-1', 'scripted-2'],
  modeFor: (approvals) => approvals,
  questions: null,
  costCountsFrom: 'conversation',
};

/** For `LocalEngine`: it needs no installation. */
export const scriptedPrograms: ExtraRuntimes = { scripted: { bin: program } };
