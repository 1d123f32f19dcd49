import type { Secret } from '../credentials/secret.js';
import { capabilityOf, idIn, type LinkTarget } from './capability.js';
import type { PublicAddress } from './public-address.js';

/** Paths of the pages; `src/dialects/talk` serves them. */
const folders: Readonly<Record<LinkTarget, string>> = { agent: 'a', session: 's' };

/**
 * Addresses of pages where people without an account talk to an agent. Whoever has an address has the access it carries, so
 * they are as secret as a password: shown to callers who may see the thing, and never logged.
 * The same address each time, over stops and starts, until the thing is deleted.
 */
export class LinkAddresses {
  constructor(
    private readonly key: Secret,
    private readonly address: PublicAddress,
  ) {}

  /** Page with an agent's name and state. */
  agentUrl(agentId: string): string {
    return this.urlOf('agent', agentId);
  }

  /** Page of one conversation. */
  sessionUrl(sessionId: string): string {
    return this.urlOf('session', sessionId);
  }

  /** The id that a capability stands for, which may be deleted by now; null when it was not made here. */
  idIn(target: LinkTarget, capability: string): string | null {
    return idIn(this.key, target, capability);
  }

  private urlOf(target: LinkTarget, id: string): string {
    return `${this.address.base}/${folders[target]}/${capabilityOf(this.key, target, id)}`;
  }
}
