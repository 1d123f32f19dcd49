import { Injectable } from '@nestjs/common';
import type { Tx } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { Clock } from '../clock.port.js';
import type { AuditEntry } from './audit.entity.js';

export interface NewAuditEntry {
  /** Null when nobody known asked, such as a refused sign-in. */
  readonly who: Pick<Principal, 'userId' | 'via'> | null;
  /** `agent.created`, `user.signed_in` ... */
  readonly action: string;
  /** `agent:<id>`, `user:<id>` ... */
  readonly object: string;
  readonly result?: AuditEntry['result'];
  /** Never a secret. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Who did what. An entry belongs to the unit of work of the change: both are stored, or neither. */
@Injectable()
export class Audit {
  constructor(private readonly clock: Clock) {}

  async record(tx: Tx, { who, action, object, result = 'done', data = {} }: NewAuditEntry): Promise<void> {
    await tx.query(
      'insert into audit (at, principal, via, action, object, result, data) values ($1, $2, $3, $4, $5, $6, $7::jsonb)',
      [
        this.clock.now(),
        who?.userId ?? 'nobody',
        who ? viaOf(who) : 'none',
        action,
        object,
        result,
        JSON.stringify(data),
      ],
    );
  }
}

function viaOf({ via }: Pick<Principal, 'via'>): string {
  if (via.kind === 'key') return `key:${via.keyId}`;
  return via.kind === 'link' ? `link:${via.sessionId}` : via.kind;
}
