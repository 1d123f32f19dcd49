import { Global, Module } from '@nestjs/common';
import { GivenSecrets } from './given-secrets.service.js';
import { Groups } from './groups.service.js';
import { SecretBox } from './secret-box.js';
import { Secrets } from './secrets.service.js';

/** Groups of agents, and secrets of organisations and groups. */
@Global()
@Module({ providers: [GivenSecrets, Groups, SecretBox, Secrets], exports: [Groups, Secrets] })
export class GroupsModule {}
