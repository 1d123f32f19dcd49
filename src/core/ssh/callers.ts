import { Injectable } from '@nestjs/common';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { AccountAuthenticator } from '../accounts/account-authenticator.js';
import { DomainError } from '../errors/domain-error.js';

/** Whether somebody who signed in may still be where they are. */
@Injectable()
export class Callers {
  constructor(
    private readonly authenticator: AccountAuthenticator,
    private readonly access: Access,
  ) {}

  async mayEnter(who: Principal, agentId: string): Promise<boolean> {
    const now = await this.authenticator.refresh(who);
    if (!now) return false;
    try {
      await this.access.agent(now, { id: agentId }, 'own');
      return true;
    } catch (error) {
      if (error instanceof DomainError) return false;
      throw error;
    }
  }
}
