import { randomUUID } from 'node:crypto';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { ManualClock } from '../../../test/support/manual-clock.js';
import type { Config } from '../../config/config.js';
import { Access } from '../access/access.service.js';
import { permissions, type Principal } from '../access/principal.js';
import { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Secret } from '../credentials/secret.js';
import { GivenValues } from '../instances/given-values.js';
import { InstanceHooks } from '../instances/instance-hooks.js';
import { Instance } from '../instances/instance.entity.js';
import type { Runtimes } from '../runtimes/runtime.port.js';
import { GivenSecrets } from './given-secrets.service.js';
import { Groups } from './groups.service.js';
import { SecretBox } from './secret-box.js';
import { Secrets } from './secrets.service.js';

const runtimes = { names: ['r'], get: () => ({ ownVariables: ['OWN_*'] }) } as unknown as Runtimes;

const person = (orgId: string): Principal => ({
  userId: `user of ${orgId}`,
  username: 'u',
  email: null,
  role: 'user',
  orgId,
  orgIds: [orgId],
  permissions: new Set(permissions),
  via: { kind: 'system' },
});

describe('groups and secrets', () => {
  let database: TestDatabase;
  let groups: Groups;
  let secrets: Secrets;
  let given: GivenSecrets;
  let who: Principal;
  const clock = new ManualClock();
  const values = new GivenValues();

  beforeAll(async () => {
    database = await openTestDatabase();
    const { db } = database;
    const box = new SecretBox({ masterKey: new Secret('1'.repeat(64)) } as Config);
    const audit = new Audit(clock);
    groups = new Groups(db, new Access(db), box, audit, clock);
    secrets = new Secrets(db, box, runtimes, audit, clock);
    given = new GivenSecrets(db, box, clock, values, new InstanceHooks());
    given.onModuleInit();
  });
  afterAll(() => database.close());
  beforeEach(() => (who = person(randomUUID())));

  /** An agent with its instance, whose container has just started. */
  async function start(
    groupId: string | null,
  ): Promise<{ agentId: string; instanceId: string; again: () => Promise<unknown> }> {
    const [agentId, instanceId] = [randomUUID(), randomUUID()];
    const now = clock.now();
    await database.db.run(async (tx) => {
      const words = { slug: agentId, displayName: 'x', type: 't', runtime: 'r', cpu: '1', memory: '1g' };
      const owner = { orgId: who.orgId, ownerId: who.userId, groupId };
      const times = { createdAt: now, updatedAt: now };
      await tx.of(Agent).insert({ id: agentId, ...words, ...owner, approvals: 'auto', ...times });
      const state = { desired: 'running', state: 'running', stateSince: now, createdAt: now } as const;
      await tx.of(Instance).insert({ id: instanceId, agentId, ...state });
    });
    const again = (): Promise<unknown> => given.prepare({ agentId, instanceId, ref: 'r' });
    await again();
    return { agentId, instanceId, again };
  }
  const variablesOf = async (instanceId: string): Promise<unknown> =>
    Object.fromEntries(await values.variables(instanceId));

  it('keeps names apart whatever their letter case, within one organisation', async () => {
    const { id } = await groups.create(who, '  Production ');
    await expect(groups.create(who, 'PRODUCTION')).rejects.toMatchObject({ code: 'group_exists' });
    await groups.create(person('other'), 'production');
    const other = await groups.create(who, 'alpha');
    expect((await groups.list(who)).map(({ name }) => name)).toEqual(['alpha', 'Production']);
    await expect(groups.rename(who, other.id, 'production')).rejects.toMatchObject({ code: 'group_exists' });
    expect(await groups.rename(who, id, 'PRODUCTION')).toMatchObject({ id, name: 'PRODUCTION' });
    expect(await groups.resolve(who, { name: 'production', id })).toMatchObject({ id });
    await expect(groups.resolve(who, { name: 'alpha', id })).rejects.toMatchObject({ code: 'group_conflict' });
    await expect(groups.resolve(who, { name: 'beta' })).rejects.toMatchObject({ code: 'group_not_found' });
    expect(await groups.resolve(who, {})).toBeNull();
  });

  it.each(['', '   ', 'x'.repeat(51), 'a\nb', 'a\0b'])('refuses the name %j', async (name) => {
    await expect(groups.create(who, name)).rejects.toMatchObject({ code: 'invalid_name' });
  });

  it("shows nothing of another organisation's, and nothing to an agent's own key", async () => {
    const { id } = await groups.create(who, 'mine');
    await secrets.put(who, id, { K: 'value-of-mine' });
    const stranger = person('stranger');
    const refused = { code: 'group_not_found' };
    await expect(groups.get(stranger, id)).rejects.toMatchObject(refused);
    await expect(groups.remove(stranger, id)).rejects.toMatchObject(refused);
    await expect(secrets.list(stranger, id)).rejects.toMatchObject(refused);
    await expect(secrets.put(stranger, id, { K: 'other' })).rejects.toMatchObject(refused);
    await expect(secrets.remove(stranger, id, 'K')).rejects.toMatchObject(refused);
    const agent: Principal = { ...who, via: { kind: 'key', keyId: 'k', agentId: 'a' } };
    await expect(secrets.list(agent, null)).rejects.toMatchObject({ code: 'agent_key' });
    await expect(secrets.put(agent, null, { K: 'v' })).rejects.toMatchObject({ code: 'agent_key' });
  });

  it('sets all or none, replaces, lists names only, and deletes', async () => {
    await expect(secrets.put(who, null, { GOOD: 'one', 'B-D': 'two' })).rejects.toMatchObject({ code: 'invalid_key' });
    await expect(secrets.put(who, null, { GOOD: 'one', OWN_X: 'two' })).rejects.toMatchObject({ code: 'reserved_key' });
    await expect(secrets.put(who, null, {})).rejects.toMatchObject({ code: 'no_secrets' });
    expect(await secrets.list(who, null)).toEqual([]);
    expect(await secrets.put(who, null, { Z: 'z-value', A: 'a-value' })).toEqual(['A', 'Z']);
    clock.advance(1000);
    await secrets.put(who, null, { Z: 'newer' });
    const [a, z] = await secrets.list(who, null);
    expect(Object.keys(a ?? {})).toEqual(['name', 'createdAt', 'updatedAt']);
    expect(z?.updatedAt.getTime()).toBeGreaterThan(z?.createdAt.getTime() ?? 0);
    await secrets.remove(who, null, 'A');
    await expect(secrets.remove(who, null, 'A')).rejects.toMatchObject({ code: 'secret_not_found' });
  });

  it('gives an agent what its group has, or else what the organisation has, fixed at the start', async () => {
    const { id } = await groups.create(who, 'S');
    await secrets.put(who, null, { K: 'of-organisation', ONLY_ORG: 'org-only' });
    await secrets.put(who, id, { K: 'of-group' });
    const grouped = await start(id);
    const free = await start(null);
    expect(await variablesOf(grouped.instanceId)).toEqual({ K: 'of-group' });
    expect(await variablesOf(free.instanceId)).toEqual({ K: 'of-organisation', ONLY_ORG: 'org-only' });
    await secrets.put(who, id, { K: 'changed-value', MORE: 'another' });
    expect(await variablesOf(grouped.instanceId)).toEqual({ K: 'of-group' });
    await grouped.again();
    await grouped.again();
    expect(await variablesOf(grouped.instanceId)).toEqual({ K: 'changed-value', MORE: 'another' });
    const redactor = await values.redactor(grouped.instanceId);
    expect(redactor.text('of-group changed-value of-organisation')).toBe('[redacted] [redacted] of-organisation');
    await secrets.put(who, id, { K: 'of-group' });
    await grouped.again();
    const rows = await database.db.query('select id from given_secrets where instance_id = $1', [grouped.instanceId]);
    expect(rows).toHaveLength(3);
  });

  it('stores no value in clear, and opens it in its own place only', async () => {
    const { id } = await groups.create(who, 'sealed');
    await secrets.put(who, id, { ONE: 'value-number-one', TWO: 'value-number-two' });
    const { instanceId, again } = await start(id);
    for (const table of ['secrets', 'given_secrets', 'audit', 'outbox']) {
      const text = JSON.stringify(await database.db.query(`select * from ${table}`));
      expect(text).not.toMatch(/value-number/);
      expect(text).not.toContain(Buffer.from('value-number-one').toString('base64'));
    }
    const [first] = await database.db.query<{ sealed: string }>(
      `select sealed from secrets where group_id = $1 and name = 'ONE'`,
      [id],
    );
    expect(first?.sealed).toMatch(/^v2\.[\w-]{8}\./);
    await database.db.query(`update secrets set sealed = $2 where group_id = $1 and name = 'TWO'`, [id, first?.sealed]);
    await expect(again()).rejects.toThrow('The secret TWO cannot be read: set it again');
    await database.db.query(
      `update given_secrets set sealed = (select sealed from given_secrets where instance_id = $1 and name = 'ONE')
       where instance_id = $1 and name = 'TWO'`,
      [instanceId],
    );
    await expect(values.variables(instanceId)).rejects.toMatchObject({ code: 'secret_unreadable' });
    // A whole row that is moved to the organisation, by somebody who can write to the database, opens no more.
    await database.db.query(`update secrets set group_id = null where group_id = $1 and name = 'ONE'`, [id]);
    await expect(start(null)).rejects.toThrow('The secret ONE cannot be read');
    await secrets.put(who, null, { ONE: 'value-number-one' });
    await start(null);
  });

  it('leaves agents and secrets of a deleted group to the organisation, whose own secrets win', async () => {
    const { id } = await groups.create(who, 'gone soon');
    await secrets.put(who, null, { BOTH: 'of-organisation' });
    await secrets.put(who, id, { BOTH: 'of-group', MOVED: 'moved-value' });
    const { agentId, instanceId, again } = await start(id);
    expect(await groups.get(who, id)).toMatchObject({ agentCount: 1, secretCount: 2 });
    expect(await groups.members(who, id)).toEqual([{ id: agentId, displayName: 'x', state: 'running' }]);
    expect(await groups.remove(who, id)).toEqual({ dropped: ['BOTH'] });
    await expect(groups.get(who, id)).rejects.toMatchObject({ code: 'group_not_found' });
    expect(await database.db.of(Agent).findOneBy({ id: agentId })).toMatchObject({ groupId: null });
    expect(await variablesOf(instanceId)).toEqual({ BOTH: 'of-group', MOVED: 'moved-value' }); // it runs on as it is
    await again();
    expect(await variablesOf(instanceId)).toEqual({ BOTH: 'of-organisation', MOVED: 'moved-value' });
  });

  it('keeps a group whose secrets do not fit beside those of the organisation; what gives way needs no room', async () => {
    const { id } = await groups.create(who, 'large');
    const many = (word: string, count: number): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${word}${index}`, 'x'.repeat(64 * 1024)]));
    await secrets.put(who, null, many('SAME', 10));
    await secrets.put(who, id, { ...many('SAME', 8), ...many('MORE', 6) });
    await expect(groups.remove(who, id)).rejects.toMatchObject({ code: 'too_many_secrets', kind: 'invalid' });
    expect(await groups.get(who, id)).toMatchObject({ secretCount: 14 });
    expect(await secrets.list(who, null)).toHaveLength(10);
    await secrets.remove(who, id, 'MORE0');
    const { dropped } = await groups.remove(who, id);
    expect(dropped).toHaveLength(8);
    expect(await secrets.list(who, null)).toHaveLength(15);
  });

  it('moves an agent between groups of its own organisation only', async () => {
    const { id } = await groups.create(who, 'one');
    const foreign = await groups.create(person('elsewhere'), 'two');
    const { agentId } = await start(null);
    await groups.assign(who, { id: agentId }, id);
    await expect(groups.assign(who, { id: agentId }, foreign.id)).rejects.toMatchObject({ code: 'group_not_found' });
    expect(await database.db.of(Agent).findOneBy({ id: agentId })).toMatchObject({ groupId: id });
    await groups.assign(who, { id: agentId }, null);
    expect(await database.db.of(Agent).findOneBy({ id: agentId })).toMatchObject({ groupId: null });
  });
});
