import { Injectable } from '@nestjs/common';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Clock } from '../clock.port.js';
import { DomainError } from '../errors/domain-error.js';
import { AccountAuthenticator } from './account-authenticator.js';

/** How often an open stream is checked: access ends within a second after it was taken away. */
const checkMs = 1000;

/** For streams, which outlive the check at their start: says when the caller may no longer see an agent. */
@Injectable()
export class LastingAccess {
  constructor(
    private readonly authenticator: AccountAuthenticator,
    private readonly access: Access,
    private readonly clock: Clock,
  ) {}

  /** Fires when the caller is signed out or loses the agent, and when `gone` fires; checks until then. */
  hold(who: Principal, agentId: string, gone: AbortSignal): AbortSignal {
    const ended = new AbortController();
    let cancel = (): void => undefined;
    const end = (): void => {
      cancel();
      ended.abort();
    };
    const plan = (): void => {
      cancel = this.clock.after(checkMs, () => {
        void this.mayStill(who, agentId).then((may) => {
          if (!may) end();
          else if (!ended.signal.aborted) plan();
        });
      });
    };
    gone.addEventListener('abort', end, { once: true });
    if (gone.aborted) end();
    else plan();
    return ended.signal;
  }

  private async mayStill(who: Principal, agentId: string): Promise<boolean> {
    try {
      const now = await this.authenticator.refresh(who);
      if (!now) return false;
      await this.access.agent(now, { id: agentId }, 'view');
      return true;
    } catch (error) {
      // A database that is away for a moment takes nothing from anybody.
      return !(error instanceof DomainError && ['hidden', 'not_found', 'forbidden'].includes(error.kind));
    }
  }
}
