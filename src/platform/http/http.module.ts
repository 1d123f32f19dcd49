import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Dialect } from '../../dialects/shared/dialect.js';
import { SocketRoutes } from './socket-routes.js';
import { DIALECTS, SocketServer } from './sockets.js';
import { OpenStreams } from './streams.js';

/** What every dialect needs from HTTP: `SocketRoutes` to add sockets to. */
@Global()
@Module({})
export class HttpModule {
  static with(dialects: readonly Dialect[]): DynamicModule {
    return {
      module: HttpModule,
      providers: [SocketRoutes, SocketServer, OpenStreams, { provide: DIALECTS, useValue: dialects }],
      exports: [SocketRoutes, DIALECTS],
    };
  }
}
