import { Global, Module } from '@nestjs/common';
import { AgentCredentials } from './agent-credentials.service.js';
import { AgentLifecycle, CommandRecords } from './agent-lifecycle.service.js';
import { AgentMaking } from './agent-making.service.js';
import { InstanceCommands } from './instance-commands.service.js';
import { AgentFileChanges } from './agent-file-changes.service.js';
import { AgentFiles } from './agent-files.service.js';
import { AgentHomes } from './agent-homes.service.js';
import { AgentLogs } from './agent-logs.service.js';
import { AgentProfile } from './agent-profile.service.js';
import { AgentReach } from './agent-reach.service.js';
import { AgentUploads } from './agent-uploads.service.js';
import { AgentResources } from './agent-resources.service.js';
import { EngineWatch } from './engine-watch.service.js';
import { GivenValues } from './given-values.js';
import { HomeCredentials } from './home-credentials.service.js';
import { HomeLayouts } from './home-layouts.service.js';
import { ImageWaiter } from './image-waiter.service.js';
import { InstanceControl } from './instance-control.service.js';
import { InstanceHooks } from './instance-hooks.js';
import { InstanceProvisioner } from './instance-provisioner.service.js';
import { InstanceRunner, RunnerSurroundings } from './instance-runner.service.js';
import { InstancesService } from './instances.service.js';
import { LiveStats } from './live-stats.service.js';
import { LogFollowers } from './log-followers.service.js';
import { ReadOnlyMode } from './read-only.service.js';
import { Reconciler } from './reconciler.service.js';
import { StartCredentials } from './start-credentials.js';

const services = [
  AgentFileChanges,
  AgentCredentials,
  AgentFiles,
  AgentHomes,
  AgentLifecycle,
  AgentLogs,
  AgentMaking,
  AgentProfile,
  AgentReach,
  AgentResources,
  AgentUploads,
  EngineWatch,
  GivenValues,
  HomeLayouts,
  InstanceCommands,
  InstanceControl,
  InstanceHooks,
  InstancesService,
  LiveStats,
  LogFollowers,
  ReadOnlyMode,
  Reconciler,
];

const parts = [
  CommandRecords,
  HomeCredentials,
  ImageWaiter,
  InstanceProvisioner,
  InstanceRunner,
  RunnerSurroundings,
  StartCredentials,
];

/** Containers of agents: what is wanted, what is, and what can be seen of them. */
@Global()
@Module({ providers: [...services, ...parts], exports: services })
export class InstancesModule {
  constructor(hooks: InstanceHooks, credentials: StartCredentials) {
    hooks.addStep(credentials);
  }
}
