import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type WebSocket, WebSocketServer } from 'ws';
import { Config } from '../../config/config.js';
import {
  BadRequestForm,
  DomainError,
  Forbidden,
  NotFound,
  Unauthenticated,
  Unavailable,
} from '../../core/errors/domain-error.js';
import type { Dialect } from '../../dialects/shared/dialect.js';
import { plainError } from './answer.js';
import { allowsOrigin } from './cors.js';
import { toDomainError } from './domain-errors.js';
import { below, claimant, mountOf } from './mount.js';
import { Peer } from './peer.js';
import { requestIdOf } from './request-id.js';
import { type Opening, type SocketRoute, SocketRoutes } from './socket-routes.js';
import { isStopping } from './streams.js';

/** Token of the list of dialects, in order of priority. */
export const DIALECTS = Symbol('dialects');

interface Refusal {
  readonly requestId: string;
  readonly dialect: Dialect | null;
}

const introductionMs = 10_000;
const heartbeatMs = 30_000;
const goodbyeMs = 1000;

/** The one place where connections become WebSockets: finds the route, admits or refuses, keeps alive, says goodbye. */
@Injectable()
export class SocketServer implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger(SocketServer.name);
  private readonly chosen = new WeakMap<IncomingMessage, string>();
  private readonly alive = new WeakSet<WebSocket>();
  private heartbeat: NodeJS.Timeout | undefined;
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: 1024 * 1024,
    perMessageDeflate: false,
    handleProtocols: (_offered, request) => this.chosen.get(request) ?? false,
  });

  constructor(
    private readonly host: HttpAdapterHost,
    private readonly routes: SocketRoutes,
    private readonly config: Config,
    @Inject(DIALECTS) private readonly dialects: readonly Dialect[],
  ) {}

  onApplicationBootstrap(): void {
    this.http().on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.upgrade(request, socket, head);
    });
    this.heartbeat = setInterval(() => this.beat(), heartbeatMs);
    this.heartbeat.unref();
  }

  /** Closes every socket with 1001, and cuts those that do not answer within a second. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.heartbeat);
    const clients = [...this.server.clients];
    const closed = clients.map((client) => new Promise((resolve) => client.once('close', resolve)));
    for (const client of clients) client.close(1001, 'the server is stopping');
    const late = setTimeout(() => clients.forEach((client) => client.terminate()), goodbyeMs);
    await Promise.all(closed);
    clearTimeout(late);
  }

  private async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy());
    const requestId = requestIdOf(request);
    let route: SocketRoute | null = null;
    try {
      this.checkDoor(request);
      const target = this.find(request);
      route = target.route;
      const opening: Opening = { request, requestId, protocols: offeredBy(request), ...target };
      const caller = await route.admit(opening);
      if (socket.destroyed) return;
      if (route.protocol && opening.protocols.has(route.protocol)) this.chosen.set(request, route.protocol);
      this.accept(request, socket, head, (peer) => this.begin(peer, target.route, caller, opening));
    } catch (thrown) {
      const error = this.normalise(thrown, request);
      const code = route?.refuseWithClose;
      if (code !== undefined && error.kind !== 'internal') {
        this.accept(request, socket, head, (peer) => peer.close(code, error.message));
        return;
      }
      this.refuse(socket, error, { requestId, dialect: this.dialectFor(route, request) });
    }
  }

  private checkDoor(request: IncomingMessage): void {
    if (isStopping(this.http())) throw new Unavailable('The server is stopping', 'stopping', 5);
    if (!/^websocket$/i.test(request.headers.upgrade ?? '')) {
      throw new BadRequestForm(400, 'Only WebSocket upgrades are offered');
    }
    const { origin, host } = request.headers;
    // Browsers always send an origin and cannot forge it; other clients send none.
    if (origin === undefined || hostOf(origin) === host || allowsOrigin(this.config, origin)) return;
    throw new Forbidden('This origin may not open sockets here', 'origin_refused');
  }

  private find(request: IncomingMessage): { route: SocketRoute } & Pick<Opening, 'params' | 'query'> {
    const url = urlOf(request);
    for (const route of this.routes.all()) {
      const mount = mountOf(route.dialect);
      const path = below(mount, url.pathname) ? url.pathname.slice(mount.length) : url.pathname;
      const match = route.path.exec(path);
      if (match) return { route, params: decodedGroups(match), query: url.searchParams };
    }
    throw new NotFound('socket', url.pathname);
  }

  private accept(request: IncomingMessage, socket: Duplex, head: Buffer, use: (peer: Peer) => void): void {
    this.server.handleUpgrade(request, socket, head, (client) => {
      this.alive.add(client);
      client.on('pong', () => this.alive.add(client));
      use(new Peer(client));
    });
  }

  private begin(peer: Peer, route: SocketRoute, caller: unknown, opening: Opening): void {
    if (caller !== null) {
      route.open(peer, caller, opening);
      return;
    }
    this.introduce(peer, route, opening).catch((thrown: unknown) => {
      if (peer.gone.aborted) return;
      // A first message that is not JSON is the client's mistake, not ours.
      const error = thrown instanceof SyntaxError ? new Unauthenticated() : this.normalise(thrown, opening.request);
      peer.close(error.kind === 'internal' ? 1011 : (route.refuseWithClose ?? 4401), error.message);
    });
  }

  private async introduce(peer: Peer, route: SocketRoute, opening: Opening): Promise<void> {
    const late = setTimeout(() => peer.close(route.refuseWithClose ?? 4401, 'authentication expected'), introductionMs);
    const first = await peer.nextFrame().finally(() => clearTimeout(late));
    if (!route.introduce) throw new Unauthenticated();
    route.open(peer, await route.introduce(first.text(), opening), opening);
  }

  private normalise(thrown: unknown, request: IncomingMessage): DomainError {
    const error = toDomainError(thrown, urlOf(request).pathname);
    if (error.kind === 'internal') this.logger.error('a socket could not be opened', error.cause);
    return error;
  }

  /** Whose words a refusal takes: the route's, or those of whoever would have got the path. */
  private dialectFor(route: SocketRoute | null, request: IncomingMessage): Dialect | null {
    const named = this.dialects.find(({ name }) => name === route?.dialect);
    return named ?? claimant(this.dialects, urlOf(request).pathname, String(request.headers['x-api-key'] ?? ''));
  }

  /** Answers instead of the handshake. */
  private refuse(socket: Duplex, error: DomainError, { requestId, dialect }: Refusal): void {
    const { status, body, headers } = dialect?.renderError(error) ?? plainError(error);
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const lines = Object.entries({
      Connection: 'close',
      'Content-Type': typeof body === 'string' ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8',
      'Content-Length': String(Buffer.byteLength(text)),
      'X-Content-Type-Options': 'nosniff',
      'X-Request-ID': requestId,
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n${lines.join('')}\r\n${text}`);
    setTimeout(() => socket.destroy(), goodbyeMs).unref();
  }

  private beat(): void {
    for (const client of this.server.clients) {
      if (!this.alive.delete(client)) client.terminate();
      else client.ping();
    }
  }

  private http(): Server {
    return this.host.httpAdapter.getHttpServer() as Server;
  }
}

const offeredBy = ({ headers }: IncomingMessage): Set<string> =>
  new Set((headers['sec-websocket-protocol'] ?? '').split(',').flatMap((offered) => offered.trim() || []));

function urlOf(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? '/', 'http://localhost');
  } catch {
    return new URL('http://localhost/');
  }
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}

function decodedGroups({ groups }: RegExpExecArray): Record<string, string> {
  try {
    return Object.fromEntries(Object.entries(groups ?? {}).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    throw new BadRequestForm(400, 'The URL is malformed');
  }
}
