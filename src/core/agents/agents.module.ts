import { Global, Module } from '@nestjs/common';
import { AgentGrants } from './agent-grants.service.js';
import { PrivateInstructions } from './private-instructions.js';

/** Agents as configurations. */
@Global()
@Module({ providers: [AgentGrants, PrivateInstructions], exports: [AgentGrants, PrivateInstructions] })
export class AgentsModule {}
