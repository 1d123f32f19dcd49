import { Module } from '@nestjs/common';
import { TrinityActivityController } from './activity.controller.js';
import { AgentWishes } from './agent-wishes.js';
import { TrinityAgentsController } from './agents.controller.js';
import { TrinityAuthController } from './auth.controller.js';
import { TrinityChatController } from './chat.controller.js';
import { TrinityCredentialsController, TrinityEncryptionKeyController } from './credentials.controller.js';
import { TrinityEmailAuthController } from './email-auth.controller.js';
import { EventFeed } from './event-feed.js';
import { TrinityEventsSocket } from './events.socket.js';
import { TrinityFileChangesController } from './file-changes.controller.js';
import { TrinityExecutionsController } from './executions.controller.js';
import { TrinityFilesController } from './files.controller.js';
import { TrinityFleetController } from './fleet.controller.js';
import { HealthController } from './health.controller.js';
import { InfoReader } from './info-reader.js';
import { TrinityKeyEventsSocket } from './key-events.socket.js';
import { TrinityFoldersController } from './folders.controller.js';
import { TrinityReadOnlyController } from './read-only.controller.js';
import { ReadOnlyFile } from './read-only.file.js';
import { TrinityResourcesController } from './resources.controller.js';
import { TrinityKeysController } from './keys.controller.js';
import { TrinityPermissionsController } from './permissions.controller.js';
import { TrinityProviderKeyController } from './provider-key.controller.js';
import { TrinityLimitsController } from './limits.controller.js';
import { TrinityModelController } from './model.controller.js';
import { TrinitySchedulesController } from './schedules.controller.js';
import { TrinitySessionsController } from './sessions.controller.js';
import { TrinitySettingsController } from './settings.controller.js';
import { TrinitySettings } from './settings.store.js';
import { TrinitySetupController } from './setup.controller.js';
import { TrinitySharingController } from './sharing.controller.js';
import { TrinityTagsController } from './tags.controller.js';
import { TrinitySystemAgentController } from './system-agent.controller.js';
import { TrinityTemplatesController } from './templates.controller.js';
import { SourceAgent } from './source-agent.js';
import { TrinityTasksController } from './tasks.controller.js';
import { TrinitySshController } from './ssh.controller.js';
import { TrinityTerminalSocket } from './terminal.socket.js';
import { TrinityUsersController } from './users.controller.js';
import { TrinityWhitelistController } from './whitelist.controller.js';

@Module({
  controllers: [
    HealthController,
    TrinityAuthController,
    TrinityUsersController,
    TrinitySetupController,
    TrinityEmailAuthController,
    TrinityWhitelistController,
    TrinitySystemAgentController,
    TrinitySettingsController,
    TrinityKeysController,
    TrinityActivityController,
    TrinityFleetController,
    TrinityTemplatesController,
    TrinityTagsController,
    TrinityAgentsController,
    TrinityFilesController,
    TrinityFileChangesController,
    TrinityCredentialsController,
    TrinityEncryptionKeyController,
    TrinityProviderKeyController,
    TrinitySessionsController,
    TrinityChatController,
    TrinityPermissionsController,
    TrinitySharingController,
    TrinityFoldersController,
    TrinityResourcesController,
    TrinityTasksController,
    TrinityModelController,
    TrinityLimitsController,
    TrinitySchedulesController,
    TrinityExecutionsController,
    TrinitySshController,
    TrinityReadOnlyController,
  ],
  providers: [
    TrinitySettings,
    AgentWishes,
    InfoReader,
    EventFeed,
    TrinityEventsSocket,
    TrinityKeyEventsSocket,
    SourceAgent,
    TrinityTerminalSocket,
    ReadOnlyFile,
  ],
})
export class TrinityModule {}
