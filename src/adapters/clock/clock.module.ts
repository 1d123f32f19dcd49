import { Global, Module } from '@nestjs/common';
import { Clock } from '../../core/clock.port.js';
import { SystemClock } from './system-clock.js';

/** Provides `Clock` everywhere. */
@Global()
@Module({ providers: [{ provide: Clock, useClass: SystemClock }], exports: [Clock] })
export class ClockModule {}
