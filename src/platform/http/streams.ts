import type { Server, ServerResponse } from 'node:http';
import {
  type BeforeApplicationShutdown,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type OnModuleDestroy,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyReply } from 'fastify';

interface Traffic {
  readonly open: Set<AbortController>;
  stopping: boolean;
}
const traffic = new WeakMap<Server, Traffic>();

function trafficOf(server: Server): Traffic {
  const known = traffic.get(server) ?? { open: new Set(), stopping: false };
  traffic.set(server, known);
  return known;
}

/** True from the moment a shutdown began: new requests are answered 503 while running ones finish. */
export const isStopping = (server: Server): boolean => trafficOf(server).stopping;

/** Ends open streams when the server stops: one endless answer would keep the process alive. */
@Injectable()
export class OpenStreams implements OnModuleDestroy, BeforeApplicationShutdown {
  constructor(private readonly host: HttpAdapterHost) {}

  onModuleDestroy(): void {
    trafficOf(this.server()).stopping = true;
  }

  beforeApplicationShutdown(): void {
    for (const stream of trafficOf(this.server()).open) stream.abort();
  }

  private server(): Server {
    return this.host.httpAdapter.getHttpServer() as Server;
  }
}

function track(server: Server, raw: ServerResponse): AbortSignal {
  const { open } = trafficOf(server);
  const gone = new AbortController();
  open.add(gone);
  raw.once('close', () => {
    open.delete(gone);
    gone.abort();
  });
  return gone.signal;
}

/** An AbortSignal that fires when the client is gone or the server stops. Every wait inside a stream must take it. */
export const Gone = createParamDecorator((_: unknown, context: ExecutionContext): AbortSignal => {
  const reply = context.switchToHttp().getResponse<FastifyReply>();
  return track(reply.server.server, reply.raw);
});
