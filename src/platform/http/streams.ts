import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import {
  type BeforeApplicationShutdown,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyReply } from 'fastify';

/** Milliseconds a stream has to say its last words. */
const patienceMs = 2000;

interface OpenStream {
  readonly controller: AbortController;
  readonly raw: ServerResponse;
  readonly closed: Promise<void>;
}
interface Traffic {
  readonly open: Set<OpenStream>;
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
export class OpenStreams implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  /** Connections on which nothing was ever asked: clients open some ahead, and the server would wait for their first request. */
  private readonly silent = new Set<Socket>();
  private closing = false;

  constructor(private readonly host: HttpAdapterHost) {}

  onApplicationBootstrap(): void {
    const server = this.server();
    server.on('connection', (socket: Socket) => {
      if (this.closing) return void socket.destroy();
      this.silent.add(socket);
      socket.once('close', () => this.silent.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage) => this.silent.delete(socket));
    server.on('upgrade', ({ socket }: IncomingMessage) => this.silent.delete(socket));
  }

  onModuleDestroy(): void {
    trafficOf(this.server()).stopping = true;
  }

  /** Ends the streams and waits until their connections are idle: only those are closed with the server. */
  async beforeApplicationShutdown(): Promise<void> {
    const streams = [...trafficOf(this.server()).open];
    for (const { controller } of streams) controller.abort();
    const late = setTimeout(() => streams.forEach(({ raw }) => raw.destroy()), patienceMs);
    await Promise.all(streams.map(({ closed }) => closed));
    clearTimeout(late);
    this.closing = true;
    for (const socket of this.silent) socket.destroy();
  }

  private server(): Server {
    return this.host.httpAdapter.getHttpServer() as Server;
  }
}

function track(server: Server, raw: ServerResponse): AbortSignal {
  const { open } = trafficOf(server);
  const controller = new AbortController();
  const closed = new Promise<void>((resolve) => raw.once('close', resolve));
  const stream = { controller, raw, closed };
  open.add(stream);
  void closed.then(() => {
    open.delete(stream);
    controller.abort();
  });
  return controller.signal;
}

/** An AbortSignal that fires when the client is gone or the server stops. Every wait inside a stream must take it. */
export const Gone = createParamDecorator((_: unknown, context: ExecutionContext): AbortSignal => {
  const reply = context.switchToHttp().getResponse<FastifyReply>();
  return track(reply.server.server, reply.raw);
});
