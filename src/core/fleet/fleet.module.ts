import { Global, Module } from '@nestjs/common';
import { AgentAudience } from './agent-audience.service.js';
import { AgentDirectory } from './agent-directory.service.js';

/** Views over all agents at once. */
@Global()
@Module({ providers: [AgentAudience, AgentDirectory], exports: [AgentAudience, AgentDirectory] })
export class FleetModule {}
