import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Peer } from './peer.js';

/** What a client asked for when it wanted a socket. */
export interface Opening {
  readonly request: IncomingMessage;
  readonly requestId: string;
  /** Named groups of the route's path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Subprotocols the client offered. */
  readonly protocols: ReadonlySet<string>;
}

/** One kind of socket. Errors are DomainErrors; the dialect words them. */
export interface SocketRoute<Caller = unknown> {
  /** Name of the dialect it belongs to: words of refusals, and the explicit prefix `/~name`. */
  readonly dialect: string;
  /** Anchored, with named groups for parameters: `/^\/ws\/(?<kind>[^/]+)$/`. */
  readonly path: RegExp;
  /** Subprotocol we answer with when the client offers it. */
  readonly protocol?: string;
  /** Accept the handshake and close with this code instead of refusing it. Also the code of a failed introduction. */
  readonly refuseWithClose?: number;
  /** Runs before the handshake is answered. Throws to refuse; null means "ask in the first message". */
  admit(opening: Opening): Promise<Caller | null>;
  /** For clients admitted with null: reads the first message, or throws. */
  introduce?(first: string, opening: Opening): Promise<Caller>;
  open(peer: Peer, caller: Caller, opening: Opening): void;
}

/** All sockets of the server. Dialect modules add theirs in `onModuleInit`. */
@Injectable()
export class SocketRoutes {
  private readonly routes: SocketRoute[] = [];

  add<Caller>(route: SocketRoute<Caller>): void {
    this.routes.push(route);
  }

  all(): readonly SocketRoute[] {
    return this.routes;
  }
}
