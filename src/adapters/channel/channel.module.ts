import { Module } from '@nestjs/common';
import { Channels } from '../../core/instances/channel.port.js';
import { ContainerEngine } from '../../core/instances/engine.port.js';
import { EngineChannels } from './channels.js';

/** Provides `Channels` over whatever `ContainerEngine` the application provides globally. */
@Module({
  providers: [
    {
      provide: Channels,
      inject: [ContainerEngine],
      useFactory: (engine: ContainerEngine) => new EngineChannels(engine),
    },
  ],
  exports: [Channels],
})
export class ChannelModule {}
