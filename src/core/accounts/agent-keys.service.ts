import { createHmac, randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { Config } from '../../config/config.js';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Audit } from '../audit/audit.service.js';
import { Secret } from '../credentials/secret.js';
import { digest } from './account.rules.js';
import { ApiKey } from './api-key.entity.js';
import { ApiKeysService } from './api-keys.service.js';
import { agentVariables } from './key-formats.js';

const label = 'Agent key';

/**
 * The key each agent has to call us with, as itself and nobody else. It is not stored: it follows from the master key and
 * the id of its row, so that every start of a runtime can be given the same one. A revoked key is followed by another.
 */
@Injectable()
export class AgentKeys {
  constructor(
    private readonly db: UnitOfWork,
    private readonly keys: ApiKeysService,
    private readonly audit: Audit,
    private readonly config: Config,
  ) {}

  /** Names and values for the environment of an agent's processes; none when the agent is gone. */
  variables(agentId: string): Promise<readonly (readonly [string, Secret])[]> {
    return this.db.run(async (tx) => {
      // Two servers at once meet at the agent's row, and make one key.
      const [agent] = await tx.query<{ userId: string; orgId: string }>(
        'select owner_id as "userId", org_id as "orgId" from agents where id = $1 for update',
        [agentId],
      );
      if (!agent) return [];
      const holder = { ...agent, agentId };
      const found: (readonly [string, Secret])[] = [];
      for (const [dialect, variable] of agentVariables) found.push([variable, await this.keyFor(tx, holder, dialect)]);
      return found;
    });
  }

  private async keyFor(
    tx: Tx,
    holder: { readonly userId: string; readonly orgId: string; readonly agentId: string },
    dialect: string,
  ): Promise<Secret> {
    const where = { agentId: holder.agentId, userId: holder.userId, dialect, label, revokedAt: IsNull() };
    const rows = await tx.of(ApiKey).find({ where, order: { createdAt: 'DESC' } });
    for (const row of rows) {
      const value = this.keys.valueOf(dialect, this.derived(row.id));
      if (digest(value) === row.hash) return new Secret(value);
    }
    const id = randomUUID();
    const wanted = { dialect, label, description: 'Given to the processes of this agent' };
    const { value } = await this.keys.issue(tx, holder, wanted, { id, random: this.derived(id) });
    await this.audit.record(tx, { who: null, action: 'api_key.created', object: `api_key:${id}`, data: { label } });
    return value;
  }

  private derived(id: string): Buffer {
    const key = Buffer.from(this.config.masterKey.reveal(), 'hex');
    return createHmac('sha256', key).update(`agent key:${id}`).digest();
  }
}
