import { Global, Module } from '@nestjs/common';
import { AgentGrants } from './agent-grants.service.js';

/** Agents as configurations. */
@Global()
@Module({ providers: [AgentGrants], exports: [AgentGrants] })
export class AgentsModule {}
