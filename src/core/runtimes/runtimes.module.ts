import { Global, Module } from '@nestjs/common';
import { Generations } from './generations.service.js';
import { ImageWarmup } from './image-warmup.service.js';
import { LaunchPlanner } from './launch-planner.service.js';
import { Spool } from './spool.service.js';

const services = [Generations, ImageWarmup, LaunchPlanner, Spool];

/** Runtime processes: how they are launched, fed and ended. */
@Global()
@Module({ providers: services, exports: services })
export class RuntimesModule {}
