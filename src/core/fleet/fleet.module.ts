import { Global, Module } from '@nestjs/common';
import { AgentAudience } from './agent-audience.service.js';
import { AgentDirectory } from './agent-directory.service.js';
import { AgentPages } from './agent-pages.service.js';
import { AgentTags } from './agent-tags.service.js';
import { FleetOverview } from './fleet-overview.service.js';
import { LiveActivity } from './live-activity.service.js';

/** Views over all agents at once. */
@Global()
@Module({
  providers: [AgentAudience, AgentDirectory, AgentPages, AgentTags, FleetOverview, LiveActivity],
  exports: [AgentAudience, AgentDirectory, AgentPages, AgentTags, FleetOverview, LiveActivity],
})
export class FleetModule {}
