import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { APP_GUARD, RouterModule } from '@nestjs/core';
import { ClockModule } from './adapters/clock/clock.module.js';
import { AdaptersModule, type AdapterOverrides } from './adapters.module.js';
import type { Config } from './config/config.js';
import { ConfigModule } from './config/config.module.js';
import { AccountsModule } from './core/accounts/accounts.module.js';
import { AgentsModule } from './core/agents/agents.module.js';
import { AuditModule } from './core/audit/audit.module.js';
import { AutonomyModule } from './core/autonomy/autonomy.module.js';
import { EventsModule } from './core/events/events.module.js';
import { FleetModule } from './core/fleet/fleet.module.js';
import { FoldersModule } from './core/folders/folders.module.js';
import { GroupsModule } from './core/groups/groups.module.js';
import { HealthModule } from './core/health/health.module.js';
import { InstancesModule } from './core/instances/instances.module.js';
import { JobsModule } from './core/jobs/jobs.module.js';
import { LeadershipModule } from './core/leadership/leadership.module.js';
import { LibraryModule } from './core/library/library.module.js';
import { LinksModule } from './core/links/links.module.js';
import { RuntimesModule } from './core/runtimes/runtimes.module.js';
import { SessionsModule } from './core/sessions/sessions.module.js';
import { SettingsModule } from './core/settings/settings.module.js';
import { SharingModule } from './core/sharing/sharing.module.js';
import { SshModule } from './core/ssh/ssh.module.js';
import type { Dialect } from './dialects/shared/dialect.js';
import { SshGatewayModule } from './gateways/ssh/ssh-gateway.module.js';
import { DatabaseModule } from './platform/database/database.module.js';
import { AccessGuard } from './platform/http/access.js';
import { HttpModule } from './platform/http/http.module.js';
import { mountOf } from './platform/http/mount.js';
import { OpenApiModule } from './platform/openapi/openapi.module.js';

export interface AppParts extends AdapterOverrides {
  readonly config: Config;
  /** In order of priority. */
  readonly dialects: readonly Dialect[];
  /** Folder of the web build; null where nothing is built. */
  readonly webRoot?: string | null;
  /** More modules: tests add their own. */
  readonly modules?: readonly (Type | DynamicModule)[];
}

/** The list of modules. Guards are attached here, pipes and filters in `platform/http/application.ts`. */
@Module({})
export class AppModule {
  static with({ config, dialects, webRoot = null, modules = [], ...overrides }: AppParts): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(config),
        ClockModule,
        DatabaseModule,
        EventsModule,
        SettingsModule,
        AuditModule,
        JobsModule,
        HealthModule,
        LeadershipModule,
        AdaptersModule.with(overrides),
        AccountsModule,
        AgentsModule,
        InstancesModule,
        RuntimesModule,
        SessionsModule,
        AutonomyModule,
        SshModule,
        FleetModule,
        LibraryModule,
        SharingModule,
        FoldersModule,
        LinksModule,
        GroupsModule,
        HttpModule.with(dialects, webRoot),
        OpenApiModule,
        SshGatewayModule,
        ...dialects.map(({ module }) => module),
        RouterModule.register(dialects.map(({ name, module }) => ({ path: mountOf(name), module }))),
        ...modules,
      ],
      providers: [{ provide: APP_GUARD, useClass: AccessGuard }],
    };
  }
}
