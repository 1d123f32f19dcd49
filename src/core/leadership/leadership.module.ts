import { Global, Module } from '@nestjs/common';
import { Leadership } from './leadership.service.js';

/** Which of several servers on one database does the work behind the requests. */
@Global()
@Module({ providers: [Leadership], exports: [Leadership] })
export class LeadershipModule {}
