import { Global, Module } from '@nestjs/common';
import { Sharing } from './sharing.service.js';

/** Who else may see and operate an agent. */
@Global()
@Module({ providers: [Sharing], exports: [Sharing] })
export class SharingModule {}
