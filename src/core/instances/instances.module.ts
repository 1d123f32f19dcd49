import { Global, Module } from '@nestjs/common';
import { AgentLifecycle } from './agent-lifecycle.service.js';
import { AgentFileChanges } from './agent-file-changes.service.js';
import { AgentFiles } from './agent-files.service.js';
import { AgentHomes } from './agent-homes.service.js';
import { AgentLogs } from './agent-logs.service.js';
import { EngineWatch } from './engine-watch.service.js';
import { ImageWaiter } from './image-waiter.service.js';
import { InstanceControl } from './instance-control.service.js';
import { InstanceHooks } from './instance-hooks.js';
import { InstanceRunner, RunnerSurroundings } from './instance-runner.service.js';
import { InstancesService } from './instances.service.js';
import { LiveStats } from './live-stats.service.js';
import { Reconciler } from './reconciler.service.js';

const services = [
  AgentFileChanges,
  AgentFiles,
  AgentHomes,
  AgentLifecycle,
  AgentLogs,
  EngineWatch,
  InstanceControl,
  InstanceHooks,
  InstancesService,
  LiveStats,
  Reconciler,
];

/** Containers of agents: what is wanted, what is, and what can be seen of them. */
@Global()
@Module({ providers: [...services, ImageWaiter, InstanceRunner, RunnerSurroundings], exports: services })
export class InstancesModule {}
