import { Global, Module } from '@nestjs/common';
import { DatabaseCheck } from './database.check.js';
import { HealthService } from './health.service.js';

@Global()
@Module({ providers: [HealthService, DatabaseCheck], exports: [HealthService] })
export class HealthModule {}
