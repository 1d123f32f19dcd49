import { type DynamicModule, Global, Module } from '@nestjs/common';
import type { Dialect } from '../../dialects/shared/dialect.js';
import { SocketRoutes } from './socket-routes.js';
import { DIALECTS, SocketServer } from './sockets.js';
import { OpenStreams } from './streams.js';
import { WebPages } from './web-pages.js';

/** What every dialect needs from HTTP: `SocketRoutes` to add sockets to. */
@Global()
@Module({})
export class HttpModule {
  /** `webRoot`: folder of the web build; null where nothing is built. */
  static with(dialects: readonly Dialect[], webRoot: string | null = null): DynamicModule {
    return {
      module: HttpModule,
      providers: [
        SocketRoutes,
        SocketServer,
        OpenStreams,
        { provide: DIALECTS, useValue: dialects },
        { provide: WebPages, useValue: new WebPages(webRoot) },
      ],
      exports: [SocketRoutes, DIALECTS, WebPages],
    };
  }
}
