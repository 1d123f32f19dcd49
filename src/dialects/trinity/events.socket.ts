import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Config } from '../../config/config.js';
import type { Principal } from '../../core/access/principal.js';
import { AccountAuthenticator } from '../../core/accounts/account-authenticator.js';
import { TicketsService } from '../../core/accounts/tickets.service.js';
import { Forbidden, Unauthenticated } from '../../core/errors/domain-error.js';
import type { Peer } from '../../platform/http/peer.js';
import { SocketRoutes, type Opening, type SocketRoute } from '../../platform/http/socket-routes.js';
import { EventFeed } from './event-feed.js';

/** Who is at the other end: somebody we know, or nobody where the installation allows that. */
interface Caller {
  readonly who: Principal | null;
  /** Said in the first message, so it is told that it worked. */
  readonly introduced: boolean;
}

/** Code that says "not authenticated" in this API. */
export const refusedCode = 4001;
/** `/ws`: everything that happens to the agents a person may see, live, and from a known event on (contract 15.1). */
@Injectable()
export class TrinityEventsSocket implements OnModuleInit, SocketRoute<Caller> {
  readonly dialect = 'trinity';
  readonly path = /^\/ws$/;
  readonly refuseWithClose = refusedCode;

  constructor(
    private readonly routes: SocketRoutes,
    private readonly authenticator: AccountAuthenticator,
    private readonly tickets: TicketsService,
    private readonly feed: EventFeed,
    private readonly config: Config,
  ) {}

  onModuleInit(): void {
    this.routes.add(this);
  }

  async admit({ query }: Opening): Promise<Caller | null> {
    const ticket = query.get('ticket');
    const token = query.get('token');
    if (ticket !== null) return this.known(await this.tickets.redeem(ticket), false);
    if (token !== null) return this.byToken(token, false);
    return this.config.trinity.wsAnonymous ? { who: null, introduced: false } : null;
  }

  async introduce(first: string): Promise<Caller> {
    const token = /^Bearer\s+(\S+)\s*$/i.exec(first)?.[1];
    if (token === undefined) throw new Unauthenticated('The first message must be: Bearer <token>');
    return this.byToken(token, true);
  }

  open(peer: Peer, caller: Caller, { query }: Opening): void {
    if (caller.introduced && caller.who) peer.sendJson({ type: 'authenticated', user: caller.who.username });
    peer.onFrame((frame) => {
      if (isPing(frame.text())) peer.sendJson({ type: 'pong' });
    });
    this.feed.follow(peer, caller.who, { refusedCode, lastSeen: query.get('last-event-id') });
  }

  private async byToken(value: string, introduced: boolean): Promise<Caller> {
    return this.known(await this.authenticator.authenticate({ kind: 'bearer', value }, this.dialect), introduced);
  }

  private known(who: Principal | null, introduced: boolean): Caller {
    if (!who) throw new Unauthenticated('Could not validate credentials');
    if (!who.permissions.has('events:read')) throw new Forbidden('This key may not hear events', 'permission_missing');
    return { who, introduced };
  }
}

function isPing(text: string): boolean {
  try {
    return (JSON.parse(text) as { type?: unknown } | null)?.type === 'ping';
  } catch {
    return false;
  }
}
