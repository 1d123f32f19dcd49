import { Module } from '@nestjs/common';
import { AgentPageController } from './agent-page.controller.js';
import { SessionFilesController } from './session-files.controller.js';
import { SessionPageController } from './session-page.controller.js';
import { SessionTalkController } from './session-talk.controller.js';

/** Pages for people without an account, and what these pages ask for. */
@Module({ controllers: [AgentPageController, SessionFilesController, SessionPageController, SessionTalkController] })
export class TalkModule {}
