import type { Tx } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import type { Audit } from '../audit/audit.service.js';
import type { InstanceHook } from '../instances/instance-hooks.js';

/** A stopped agent's keys are void; those of one that is renamed or made again stay. */
export class SshStops implements InstanceHook {
  constructor(private readonly audit: Audit) {}

  async stopAsked(tx: Tx, who: Principal, agentId: string): Promise<void> {
    const gone = await tx.query(
      'with gone as (delete from ssh_credentials where agent_id = $1 returning id) select id from gone',
      [agentId],
    );
    if (gone.length === 0) return;
    const data = { credentials: gone.length, because: 'stop' };
    await this.audit.record(tx, { who, action: 'ssh.revoked', object: `agent:${agentId}`, data });
  }

  running(): Promise<void> {
    return Promise.resolve();
  }

  stopping(): Promise<void> {
    return Promise.resolve();
  }

  halted(): Promise<void> {
    return Promise.resolve();
  }
}
