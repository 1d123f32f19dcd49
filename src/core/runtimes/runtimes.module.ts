import { Global, Module } from '@nestjs/common';
import { InstanceHooks } from '../instances/instance-hooks.js';
import { AgentEnvironment } from './agent-environment.service.js';
import { AgentModels } from './agent-models.service.js';
import { Generations } from './generations.service.js';
import { ImageWarmup } from './image-warmup.service.js';
import { HomeSettings } from './home-settings.service.js';
import { LaunchPlanner, LaunchSources } from './launch-planner.service.js';
import { PrivateContext } from './private-context.service.js';
import { ProviderKeySetting } from './provider-key-setting.service.js';
import { Spool } from './spool.service.js';

const services = [AgentEnvironment, AgentModels, Generations, ImageWarmup, LaunchPlanner, ProviderKeySetting, Spool];

/** Runtime processes: how they are launched, fed and ended. */
@Global()
@Module({ providers: [...services, HomeSettings, LaunchSources, PrivateContext], exports: services })
export class RuntimesModule {
  constructor(hooks: InstanceHooks, models: AgentModels) {
    hooks.addStep(models);
  }
}
