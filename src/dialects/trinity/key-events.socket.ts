import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Access } from '../../core/access/access.service.js';
import type { Principal } from '../../core/access/principal.js';
import { AccountAuthenticator } from '../../core/accounts/account-authenticator.js';
import { Forbidden, Unauthenticated } from '../../core/errors/domain-error.js';
import type { Peer } from '../../platform/http/peer.js';
import { SocketRoutes, type Opening, type SocketRoute } from '../../platform/http/socket-routes.js';
import { EventFeed } from './event-feed.js';
import { refusedCode } from './events.socket.js';

/** `/ws/events?token=trinity_mcp_...`: the same events for programs with an API key (contract 15.2). */
@Injectable()
export class TrinityKeyEventsSocket implements OnModuleInit, SocketRoute<Principal> {
  readonly dialect = 'trinity';
  readonly path = /^\/ws\/events$/;
  readonly refuseWithClose = refusedCode;

  constructor(
    private readonly routes: SocketRoutes,
    private readonly authenticator: AccountAuthenticator,
    private readonly access: Access,
    private readonly feed: EventFeed,
  ) {}

  onModuleInit(): void {
    this.routes.add(this);
  }

  async admit({ query }: Opening): Promise<Principal> {
    const value = query.get('token') ?? '';
    const who = await this.authenticator.authenticate({ kind: 'bearer', value }, this.dialect);
    if (who?.via.kind !== 'key') throw new Unauthenticated('An API key is needed: /ws/events?token=trinity_mcp_...');
    if (!who.permissions.has('events:read')) throw new Forbidden('This key may not hear events', 'permission_missing');
    return who;
  }

  open(peer: Peer, who: Principal, { query }: Opening): void {
    this.feed.follow(peer, who, {
      refusedCode,
      lastSeen: query.get('last-event-id'),
      welcome: async () => ({
        type: 'connected',
        user: who.username,
        accessible_agents: await this.agentsOf(who),
        message: 'Events of these agents follow. Say "refresh" for the list of now, "ping" to hear "pong".',
      }),
    });
    peer.onFrame((frame) => {
      const said = frame.text().trim();
      if (said === 'ping') peer.send('pong');
      if (said === 'refresh') void this.refresh(peer, who);
    });
  }

  private async refresh(peer: Peer, before: Principal): Promise<void> {
    const who = await this.authenticator.refresh(before);
    if (who) peer.sendJson({ type: 'refreshed', accessible_agents: await this.agentsOf(who) });
    else peer.close(refusedCode, 'signed out');
  }

  private async agentsOf(who: Principal): Promise<string[]> {
    const ids = await this.access.visibleAgentIds(who);
    return [...(await this.access.slugs([...ids])).values()].sort();
  }
}
