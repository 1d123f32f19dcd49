import { Module } from '@nestjs/common';
import { TrinityAuthController } from './auth.controller.js';
import { HealthController } from './health.controller.js';
import { TrinityKeysController } from './keys.controller.js';
import { TrinitySettingsController } from './settings.controller.js';
import { TrinitySettings } from './settings.store.js';
import { TrinitySetupController } from './setup.controller.js';
import { TrinityUsersController } from './users.controller.js';

@Module({
  controllers: [
    HealthController,
    TrinityAuthController,
    TrinityUsersController,
    TrinitySetupController,
    TrinitySettingsController,
    TrinityKeysController,
  ],
  providers: [TrinitySettings],
})
export class TrinityModule {}
