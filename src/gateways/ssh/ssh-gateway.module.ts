import { Module } from '@nestjs/common';
import { Entrances } from './entrances.js';
import { SshGateway } from './ssh-gateway.js';
import { SshTools } from './ssh-tools.js';

/** The SSH gateway: one port, the user name names the agent. */
@Module({ providers: [Entrances, SshGateway, SshTools] })
export class SshGatewayModule {}
