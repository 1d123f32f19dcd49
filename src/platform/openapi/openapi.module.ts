import { Global, Module } from '@nestjs/common';
import { OpenApiDocuments } from './documents.js';

@Global()
@Module({ providers: [OpenApiDocuments], exports: [OpenApiDocuments] })
export class OpenApiModule {}
