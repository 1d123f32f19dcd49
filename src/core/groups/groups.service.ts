import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { IsNull } from 'typeorm';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access, type AgentRef } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Conflict, Invalid, NotFound } from '../errors/domain-error.js';
import type { InstanceState } from '../instances/instance.lifecycle.js';
import { phaseSql } from '../instances/instance.phase.js';
import { Group } from './group.entity.js';
import { groupNameOf, lockLevel, nameKeyOf, requireKeeper, storable } from './group.rules.js';
import { SecretBox } from './secret-box.js';
import { SecretRow } from './secret.entity.js';
import { requireRoom } from './secret.rules.js';

/** A group with how much is in it: of agents those the caller may see. */
export interface SeenGroup {
  readonly id: string;
  readonly name: string;
  readonly agentCount: number;
  readonly secretCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** An agent in a group; its state (as `phaseOf` says it) is null before it has an instance. */
export interface GroupMember {
  readonly id: string;
  readonly displayName: string;
  readonly state: InstanceState | null;
}

export interface GroupRemoval {
  /** Secrets that gave way to those of the organisation with the same name. */
  readonly dropped: readonly string[];
}

const noRoomAbove =
  'Together with those that move to it the secrets of the organisation would have more than 1 MiB: delete some first';

interface GroupRow extends Omit<SeenGroup, 'agentCount' | 'secretCount'> {
  readonly agentCount: string | number;
  readonly secretCount: string | number;
}

/** Groups of an organisation's agents, which share secrets. */
@Injectable()
export class Groups {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly box: SecretBox,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  /** By name. */
  list(who: Principal): Promise<SeenGroup[]> {
    requireKeeper(who);
    return this.rows(who, 'true', []);
  }

  /** @throws NotFound also when it belongs to another organisation */
  async get(who: Principal, id: string): Promise<SeenGroup> {
    const [group] = storable(id) ? await this.rows(who, 'g.id = $2', [id]) : [];
    if (!group) throw new NotFound('group', id);
    requireKeeper(who);
    return group;
  }

  /** Agents in a group that the caller may see, by name. */
  members(who: Principal, id: string): Promise<GroupMember[]> {
    requireKeeper(who);
    const visible = this.access.visibleAgentsWhere(who, 2);
    return this.db.query<GroupMember>(
      `select a.id, a.display_name as "displayName", ${phaseSql('i')} as state from agents a left join instances i on i.agent_id = a.id
       where a.group_id = $1 and ${visible.sql} order by a.display_name, a.id`,
      [id, ...visible.values],
    );
  }

  /**
   * The group that a wish means by id, by name, or by both: null where it says neither.
   * @throws Invalid both, and they name different ones; NotFound there is no such group
   */
  async resolve(who: Principal, wish: { readonly id?: string; readonly name?: string }): Promise<Group | null> {
    const byId = wish.id === undefined ? undefined : await this.found(who, { id: wish.id });
    const nameKey = wish.name === undefined ? undefined : nameKeyOf(wish.name.trim());
    const byName = nameKey === undefined ? undefined : await this.found(who, { nameKey });
    if (byId === null || byName === null) throw new NotFound('group', (byId === null ? wish.id : wish.name) ?? '');
    if (byId && byName && byId.id !== byName.id) {
      throw new Invalid('The two name different groups: give one of them', [], 'group_conflict');
    }
    return byId ?? byName ?? null;
  }

  /** Names by id, for those that exist. */
  async names(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (ids.length === 0) return new Map();
    const rows = await this.db.query<{ id: string; name: string }>(
      'select id, name from agent_groups where id in (select jsonb_array_elements_text($1::jsonb))',
      [JSON.stringify(ids)],
    );
    return new Map(rows.map((row) => [row.id, row.name]));
  }

  /** @throws Conflict `group_exists` */
  async create(who: Principal, givenName: string): Promise<SeenGroup> {
    requireKeeper(who);
    const name = groupNameOf(givenName);
    const id = randomUUID();
    await this.db
      .run(async (tx) => {
        const now = this.clock.now();
        const times = { createdAt: now, updatedAt: now };
        await tx.of(Group).insert({ id, orgId: who.orgId, name, nameKey: nameKeyOf(name), ...times });
        await this.audit.record(tx, { who, action: 'group.created', object: `group:${id}`, data: { name } });
      })
      .catch(asTaken);
    return this.get(who, id);
  }

  /** @throws NotFound; Conflict `group_exists` */
  async rename(who: Principal, id: string, givenName: string): Promise<SeenGroup> {
    requireKeeper(who);
    const name = groupNameOf(givenName);
    await this.db
      .run(async (tx) => {
        const group = await locked(tx, who, id);
        if (group.name === name) return;
        const data = { from: group.name, to: name };
        await tx.of(Group).update({ id }, { name, nameKey: nameKeyOf(name), updatedAt: this.clock.now() });
        await this.audit.record(tx, { who, action: 'group.renamed', object: `group:${id}`, data });
      })
      .catch(asTaken);
    return this.get(who, id);
  }

  /**
   * Its agents and secrets go to the organisation; a secret the organisation has already stays as it is.
   * @throws Invalid `too_many_secrets`: they do not fit there, and nothing was changed
   */
  remove(who: Principal, id: string): Promise<GroupRemoval> {
    requireKeeper(who);
    return this.db.run(async (tx) => {
      await lockLevel(tx, who.orgId);
      const group = await locked(tx, who, id);
      const dropped = await this.moveUp(tx, group);
      const now = this.clock.now();
      await tx.query('update agents set group_id = null, updated_at = $2 where group_id = $1', [id, now]);
      await tx.of(Group).delete({ id });
      const data = { name: group.name, dropped };
      await this.audit.record(tx, { who, action: 'group.deleted', object: `group:${id}`, data });
      return { dropped };
    });
  }

  /** Puts an agent into a group, or takes it out of any. Its processes get other secrets from the next start on. */
  async assign(who: Principal, ref: AgentRef, groupId: string | null): Promise<void> {
    await this.db.run(async (tx) => {
      const agent = await this.access.agent(who, ref, 'own', tx);
      if (agent.groupId === groupId) return;
      if (groupId !== null) await requireGroupOf(tx, agent.orgId, groupId);
      await tx.of(Agent).update({ id: agent.id }, { groupId, updatedAt: this.clock.now() });
      const data = { groupId };
      await this.audit.record(tx, { who, action: 'agent.group_changed', object: `agent:${agent.id}`, data });
      await tx.emit({ type: 'agent.configured', orgId: agent.orgId, agentId: agent.id, data });
    });
  }

  /** Seals each secret anew, because a seal holds for one place only. */
  private async moveUp(tx: Tx, group: Group): Promise<string[]> {
    const { orgId } = group;
    const rows = await tx.of(SecretRow).findBy({ groupId: group.id });
    const taken = await tx.of(SecretRow).findBy({ orgId, groupId: IsNull() });
    const sizes = [...rows, ...taken].map((row) => [row.name, this.box.sizeOf(row)] as const);
    // Of two with one name that of the organisation stays: it comes last.
    requireRoom(new Map(sizes), noRoomAbove);
    const names = new Set(taken.map(({ name }) => name));
    for (const row of rows) {
      if (names.has(row.name)) continue;
      const value = this.opened(row);
      if (value === null) names.add(row.name);
      else await this.moveToOrganisation(tx, row, value);
    }
    return rows
      .map(({ name }) => name)
      .filter((name) => names.has(name))
      .sort();
  }

  private async moveToOrganisation(tx: Tx, { id, orgId, name }: SecretRow, value: string): Promise<void> {
    const sealed = this.box.seal({ id, orgId, groupId: null, name }, value);
    await tx.of(SecretRow).update({ id }, { groupId: null, sealed });
  }

  /** Null: somebody changed it in the database, so there is no value to move. */
  private opened(row: SecretRow): string | null {
    try {
      return this.box.open(row);
    } catch {
      return null;
    }
  }

  private found(who: Principal, where: { readonly id: string } | { readonly nameKey: string }): Promise<Group | null> {
    if (!Object.values(where).every(storable)) return Promise.resolve(null);
    return this.db.of(Group).findOneBy({ ...where, orgId: who.orgId });
  }

  private async rows(who: Principal, condition: string, values: readonly unknown[]): Promise<SeenGroup[]> {
    const visible = this.access.visibleAgentsWhere(who, 2 + values.length);
    const rows = await this.db.query<GroupRow>(
      `select g.id, g.name, g.created_at as "createdAt", g.updated_at as "updatedAt",
         (select count(*) from agents a where a.group_id = g.id and ${visible.sql}) as "agentCount",
         (select count(*) from secrets s where s.group_id = g.id) as "secretCount"
       from agent_groups g where g.org_id = $1 and ${condition} order by g.name_key`,
      [who.orgId, ...values, ...visible.values],
    );
    return rows.map((row) => ({
      ...row,
      agentCount: Number(row.agentCount),
      secretCount: Number(row.secretCount),
      createdAt: new Date(row.createdAt),
      updatedAt: new Date(row.updatedAt),
    }));
  }
}

async function locked(tx: Tx, who: Principal, id: string): Promise<Group> {
  const group = storable(id) ? await tx.lock(Group, { id, orgId: who.orgId }) : null;
  if (!group) throw new NotFound('group', id);
  return group;
}

/** Locks it, so that it is not deleted before the agent is in. */
async function requireGroupOf(tx: Tx, orgId: string, groupId: string): Promise<void> {
  const group = storable(groupId) ? await tx.lock(Group, { id: groupId, orgId }) : null;
  if (!group) throw new NotFound('group', groupId);
}

/** Two requests raced for one name: the unique index decided. */
function asTaken(error: unknown): never {
  if ((error as { code?: unknown } | null)?.code === '23505') {
    throw new Conflict('A group with this name exists already', 'group_exists');
  }
  throw error;
}
