import { Module } from '@nestjs/common';
import { HostedAgentsController } from './agents.controller.js';
import { AgentsReader } from './agents.reader.js';
import { AgentChanges, HostedLifecycle } from './lifecycle.js';
import { HostedLifecycleController } from './lifecycle.controller.js';
import { ShownAs } from './shown-as.js';
import { HostedScopesController } from './scopes.controller.js';
import { HostedSecretsController } from './secrets.controller.js';
import { HostedFilesController } from './files.controller.js';
import { HostedMessagesController } from './messages.controller.js';
import { ModelList } from './model-list.js';
import { HostedModelsController } from './models.controller.js';
import { HostedRequestsController } from './requests.controller.js';
import { HostedSessionsController } from './sessions.controller.js';
import { HostedTokensController } from './tokens.controller.js';

@Module({
  controllers: [
    HostedTokensController,
    HostedModelsController,
    HostedAgentsController,
    HostedLifecycleController,
    HostedScopesController,
    HostedSecretsController,
    HostedSessionsController,
    HostedMessagesController,
    HostedRequestsController,
    HostedFilesController,
  ],
  providers: [AgentChanges, AgentsReader, HostedLifecycle, ModelList, ShownAs],
})
export class HostedAgentsModule {}
