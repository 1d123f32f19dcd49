import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import type { Variables } from '../credentials/environment.rules.js';
import { hideInLogs } from '../credentials/secrets-in-logs.js';
import { Unavailable } from '../errors/domain-error.js';
import { EngineError } from '../instances/engine.errors.js';
import { type GivenSource, GivenValues } from '../instances/given-values.js';
import { InstanceHooks, type StartingInstance, type StartStep } from '../instances/instance-hooks.js';
import type { InstancePatch } from '../instances/instances.service.js';
import { GivenSecret } from './given-secret.entity.js';
import { SecretBox } from './secret-box.js';
import { SecretRow } from './secret.entity.js';

/** Earlier values that are kept for each instance, newest first. */
const mostEarlier = 500;

/**
 * Gives an agent's processes the secrets of its group, or of its organisation when it has none. What they get is fixed when
 * the container starts: a runtime that is woken later in the same container sees what the first one saw.
 */
@Injectable()
export class GivenSecrets implements GivenSource, StartStep, OnModuleInit {
  constructor(
    private readonly db: UnitOfWork,
    private readonly box: SecretBox,
    private readonly clock: Clock,
    private readonly given: GivenValues,
    private readonly hooks: InstanceHooks,
  ) {}

  onModuleInit(): void {
    this.given.add(this);
    this.hooks.addStep(this);
  }

  async prepare({ instanceId, agentId }: StartingInstance): Promise<InstancePatch> {
    await this.db.run(async (tx) => {
      const agent = await tx.of(Agent).findOneBy({ id: agentId });
      if (!agent) return;
      const wanted = await this.wanted(tx, agent);
      const known = await tx.of(GivenSecret).find({ where: { instanceId }, order: { givenAt: 'DESC', id: 'ASC' } });
      for (const [index, row] of known.entries()) {
        const current = wanted.get(row.name) !== undefined && wanted.get(row.name) === this.openedGiven(row);
        if (current) wanted.delete(row.name);
        if (!current && index >= mostEarlier) await tx.of(GivenSecret).delete({ id: row.id });
        else if (current !== row.current) await tx.of(GivenSecret).update({ id: row.id }, { current });
      }
      for (const [name, value] of wanted) {
        const place = { id: randomUUID(), instanceId, name };
        const sealed = this.box.sealGiven(place, value);
        await tx.of(GivenSecret).insert({ ...place, sealed, current: true, givenAt: this.clock.now() });
      }
    });
    return {};
  }

  async variables(instanceId: string): Promise<Variables> {
    const rows = await this.db.of(GivenSecret).findBy({ instanceId, current: true });
    return new Map(
      rows.map((row) => {
        const value = this.openedGiven(row);
        if (value !== null) return [row.name, value] as const;
        throw new Unavailable(`The secret ${row.name} cannot be read: set it again`, 'secret_unreadable');
      }),
    );
  }

  async values(instanceId: string): Promise<readonly string[]> {
    const rows = await this.db.of(GivenSecret).findBy({ instanceId });
    const values = rows.flatMap((row) => this.openedGiven(row) ?? []);
    for (const value of values) hideInLogs(value);
    return values;
  }

  private async wanted(tx: Tx, agent: Agent): Promise<Map<string, string>> {
    const { orgId, groupId } = agent;
    const rows = await tx.of(SecretRow).findBy({ orgId, groupId: groupId ?? IsNull() });
    return new Map(rows.map((row) => [row.name, this.opened(row)]));
  }

  private opened(row: SecretRow): string {
    try {
      const value = this.box.open(row);
      hideInLogs(value);
      return value;
    } catch (error) {
      throw new EngineError('refused', `The secret ${row.name} cannot be read: set it again`, { cause: error });
    }
  }

  /** Null: it cannot be read any more, so it is not what is wanted now. */
  private openedGiven(row: GivenSecret): string | null {
    try {
      return this.box.openGiven(row);
    } catch {
      return null;
    }
  }
}
