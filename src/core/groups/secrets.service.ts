import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import { agentVariables } from '../accounts/key-formats.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Invalid, NotFound } from '../errors/domain-error.js';
import { Runtimes } from '../runtimes/runtime.port.js';
import { Group } from './group.entity.js';
import { lockLevel, requireKeeper, storable } from './group.rules.js';
import { SecretBox } from './secret-box.js';
import { SecretRow } from './secret.entity.js';
import { requireName, requireRoom, requireValue } from './secret.rules.js';

/** A secret as everybody sees it: never with its value. */
export type SeenSecret = Pick<SecretRow, 'name' | 'createdAt' | 'updatedAt'>;

/** Variables of an organisation (`groupId` null), or of one of its groups. They are given to processes and never given back. */
@Injectable()
export class Secrets {
  constructor(
    private readonly db: UnitOfWork,
    private readonly box: SecretBox,
    private readonly runtimes: Runtimes,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  /** By name. @throws NotFound the group */
  async list(who: Principal, groupId: string | null): Promise<SeenSecret[]> {
    requireKeeper(who);
    if (groupId !== null && !(storable(groupId) && (await this.isGroup(who, groupId)))) {
      throw new NotFound('group', groupId);
    }
    const where = { orgId: who.orgId, groupId: groupId ?? IsNull() };
    const rows = await this.db.of(SecretRow).find({ where });
    return rows
      .map(({ name, createdAt, updatedAt }) => ({ name, createdAt, updatedAt }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Sets all of them, or none. Containers that run keep what they have. Answers the names, sorted. */
  async put(who: Principal, groupId: string | null, values: Readonly<Record<string, unknown>>): Promise<string[]> {
    requireKeeper(who);
    const given = Object.entries(values);
    if (given.length === 0) throw new Invalid('Give at least one secret', [], 'no_secrets');
    const reserved = this.reserved();
    const wanted = new Map<string, string>();
    for (const [name, value] of given) {
      requireName(name, reserved);
      requireValue(name, value);
      wanted.set(name, value);
    }
    return this.db.run(async (tx) => {
      await requireLevel(tx, who, groupId);
      const known = await levelRows(tx, who.orgId, groupId);
      const after = new Map(known.map((row) => [row.name, this.box.sizeOf(row)]));
      for (const [name, value] of wanted) after.set(name, Buffer.byteLength(value));
      requireRoom(after);
      const now = this.clock.now();
      for (const [name, value] of wanted) {
        const old = known.find((row) => row.name === name);
        const place = { id: old?.id ?? randomUUID(), orgId: who.orgId, groupId, name };
        const sealed = this.box.seal(place, value);
        if (old) await tx.of(SecretRow).update({ id: old.id }, { sealed, updatedAt: now });
        else await tx.of(SecretRow).insert({ ...place, sealed, createdAt: now, updatedAt: now });
      }
      const keys = [...wanted.keys()].sort();
      const object = groupId === null ? `organisation:${who.orgId}` : `group:${groupId}`;
      await this.audit.record(tx, { who, action: 'secret.set', object, data: { keys } });
      return keys;
    });
  }

  /** @throws NotFound the group or the secret */
  async remove(who: Principal, groupId: string | null, name: string): Promise<void> {
    requireKeeper(who);
    await this.db.run(async (tx) => {
      await requireLevel(tx, who, groupId);
      const known = (await levelRows(tx, who.orgId, groupId)).find((row) => row.name === name);
      if (!known) throw new NotFound('secret', name);
      await tx.of(SecretRow).delete({ id: known.id });
      const object = groupId === null ? `organisation:${who.orgId}` : `group:${groupId}`;
      await this.audit.record(tx, { who, action: 'secret.deleted', object, data: { keys: [name] } });
    });
  }

  private isGroup(who: Principal, id: string): Promise<boolean> {
    return this.db.of(Group).existsBy({ id, orgId: who.orgId });
  }

  /** Names that Flotilla and the runtimes use themselves. */
  private reserved(): string[] {
    const ofRuntimes = this.runtimes.names.flatMap((name) => this.runtimes.get(name).ownVariables ?? []);
    return [...agentVariables.map(([, name]) => name), ...ofRuntimes];
  }
}

/** Of all that change the secrets of a level one after the other. @throws NotFound the group, also that of another organisation */
async function requireLevel(tx: Tx, who: Principal, groupId: string | null): Promise<void> {
  if (groupId === null) return lockLevel(tx, who.orgId);
  const group = storable(groupId) ? await tx.lock(Group, { id: groupId, orgId: who.orgId }) : null;
  if (!group) throw new NotFound('group', groupId);
}

const levelRows = (tx: Tx, orgId: string, groupId: string | null): Promise<SecretRow[]> =>
  tx.of(SecretRow).findBy({ orgId, groupId: groupId ?? IsNull() });
