import { Module } from '@nestjs/common';
import { ConsoleAgentsController } from './agents.controller.js';
import { ConsoleApprovalsController } from './approvals.controller.js';
import { ConsoleFleetController } from './fleet.controller.js';

/** Our own few routes: what no published API covers. They live under `/~console`. */
@Module({ controllers: [ConsoleApprovalsController, ConsoleAgentsController, ConsoleFleetController] })
export class ConsoleModule {}
