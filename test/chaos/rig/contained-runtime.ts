import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentRuntime } from '../../../src/core/runtimes/runtime.port.js';
import { scriptedRuntime } from '../../support/scripted-adapter.js';

const programs = ['scripted-runtime.mjs', 'scripted-steps.mjs', 'scripted-wire.mjs'];
const folder = join(__dirname, '../../support');

/** The scripted runtime for containers: the image is the probe's, and the program comes with the files of the launch. */
export const containedRuntime: AgentRuntime = {
  ...scriptedRuntime,
  stores: [...scriptedRuntime.stores, '.runtime'],
  launch: (plan) => ({
    ...scriptedRuntime.launch(plan),
    argv: ['node', `/home/developer/.runtime/${programs[0]}`],
    files: programs.map((name) => ({ path: `.runtime/${name}`, content: readFileSync(join(folder, name), 'utf8') })),
  }),
};
