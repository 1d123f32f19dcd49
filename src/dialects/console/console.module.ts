import { Module } from '@nestjs/common';
import { ConsoleAgentsController } from './agents.controller.js';
import { ConsoleApprovalsController } from './approvals.controller.js';
import { ConsoleConversationController } from './conversation.controller.js';
import { ConsoleFilesController } from './files.controller.js';
import { ConsoleFleetController } from './fleet.controller.js';
import { ConsoleLogsController } from './logs.controller.js';
import { ConsoleSshController } from './ssh.controller.js';

/** Our own few routes: what no published API covers. They live under `/~console`. */
@Module({
  controllers: [
    ConsoleApprovalsController,
    ConsoleAgentsController,
    ConsoleFleetController,
    ConsoleConversationController,
    ConsoleLogsController,
    ConsoleFilesController,
    ConsoleSshController,
  ],
})
export class ConsoleModule {}
