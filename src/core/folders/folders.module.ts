import { Global, Module } from '@nestjs/common';
import { Folders } from './folders.service.js';

/** Folders that agents expose and consume. */
@Global()
@Module({ providers: [Folders], exports: [Folders] })
export class FoldersModule {}
