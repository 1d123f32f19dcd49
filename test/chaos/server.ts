import { createDockerEngine } from '../../src/adapters/docker/docker.engine.js';
import { builtInRuntimes } from '../../src/adapters/runtimes/registry.js';
import type { AppOverrides } from '../../src/bootstrap.js';
import { run } from '../../src/main.js';
import { AbleEngine } from '../support/able-engine.js';
import { demoModelEntry } from '../support/demo-model.js';
import { scriptedRuntime } from '../support/scripted-adapter.js';
import { ProbeModule } from './probe.module.js';
import { containedRuntime } from './rig/contained-runtime.js';

// The real server as a process that a test may kill. With the scripted runtime, on either engine, no model is asked.
const local: AppOverrides = {
  engine: (config, installId) => new AbleEngine(config, installId),
  runtimes: [scriptedRuntime, ...builtInRuntimes],
};
const contained: AppOverrides = {
  engine: (config, installId) => createDockerEngine(config, installId, { packages: { scripted: '' } }),
  runtimes: [containedRuntime],
};
const scripted = process.env.FLOTILLA_DEFAULT_RUNTIME === 'scripted';
const overrides = process.env.FLOTILLA_ENGINE === 'local' ? local : scripted ? contained : {};

run({ modules: [ProbeModule], modelEntry: demoModelEntry(), ...overrides });
