import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { boundTo, isAdmin, type Principal } from '../access/principal.js';
import { FleetEvents, type FleetEvent } from '../events/fleet-events.js';

interface Seen {
  readonly slug: string;
  readonly ownerId: string;
  readonly emails: ReadonlySet<string>;
}

/** Changes after which what is known of an agent is no longer true. */
const stale = new Set(['agent.renamed', 'agent.deleted', 'agent.shared', 'agent.unshared', 'agent.transferred']);

const aboutShares = new Set(['agent.shared', 'agent.unshared']);

/** Decides, for event after event, who may hear it. Looks each agent up once and forgets it when its sharing changes. */
@Injectable()
export class AgentAudience implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly known = new Map<string, Promise<Seen | null>>();
  private stop: () => void = () => undefined;

  constructor(
    private readonly db: UnitOfWork,
    private readonly events: FleetEvents,
  ) {}

  onApplicationBootstrap(): void {
    this.stop = this.events.subscribe((events) => {
      for (const event of events) if (event.agentId && stale.has(event.type)) this.known.delete(event.agentId);
    });
  }

  onModuleDestroy(): void {
    this.stop();
  }

  /** May this caller hear of this event? Nobody in particular (where an installation allows that) hears of no address. An agent that is gone is judged by who could see it before. */
  async mayHear(who: Principal | null, event: FleetEvent): Promise<boolean> {
    if (who === null) return !aboutShares.has(event.type);
    if (event.agentId === null) return isAdmin(who);
    if (aboutShares.has(event.type)) return this.mayHearOfShare(who, event, event.agentId);
    const bound = boundTo(who);
    if (bound !== null) return bound === event.agentId;
    if (isAdmin(who)) return true;
    const seen = rememberedIn(event) ?? (await this.find(event.agentId));
    if (!seen) return false;
    return seen.ownerId === who.userId || (who.email !== null && seen.emails.has(who.email.toLowerCase()));
  }

  /** Whom an agent is shared with is its owner's business, and that of whoever got or lost it. */
  private async mayHearOfShare(who: Principal, event: FleetEvent, agentId: string): Promise<boolean> {
    if (boundTo(who) !== null) return false;
    if (isAdmin(who) || (who.email !== null && event.data['email'] === who.email.toLowerCase())) return true;
    return (await this.find(agentId))?.ownerId === who.userId;
  }

  /** The agent's name now; null when it is gone. */
  async slugOf(agentId: string): Promise<string | null> {
    return (await this.find(agentId))?.slug ?? null;
  }

  private find(agentId: string): Promise<Seen | null> {
    const known = this.known.get(agentId);
    if (known) return known;
    const asked = this.load(agentId);
    this.known.set(agentId, asked);
    asked.then(
      (seen) => {
        if (!seen) this.known.delete(agentId);
      },
      () => this.known.delete(agentId),
    );
    return asked;
  }

  private async load(agentId: string): Promise<Seen | null> {
    const rows = await this.db.query<{ slug: string; owner_id: string; email: string | null }>(
      `select a.slug, a.owner_id, s.email from agents a left join agent_shares s on s.agent_id = a.id where a.id = $1`,
      [agentId],
    );
    const [first] = rows;
    if (!first) return null;
    const emails = new Set(rows.flatMap((row) => (row.email === null ? [] : [row.email])));
    return { slug: first.slug, ownerId: first.owner_id, emails };
  }
}

/** Events that outlive their agent carry who could see it. */
function rememberedIn(event: FleetEvent): Seen | null {
  const audience = event.data['audience'] as { ownerId?: unknown; emails?: unknown } | undefined;
  if (typeof audience?.ownerId !== 'string' || !Array.isArray(audience.emails)) return null;
  return { slug: '', ownerId: audience.ownerId, emails: new Set(audience.emails.map(String)) };
}
