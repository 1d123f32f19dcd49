import { AccountsFixture } from '../../../test/support/accounts.js';
import { openTestDatabase, type TestDatabase } from '../../../test/support/database.js';
import { Membership } from '../accounts/membership.entity.js';
import { AgentShare } from '../agents/agent-share.entity.js';
import { Agent } from '../agents/agent.entity.js';
import { DomainError } from '../errors/domain-error.js';
import type { Principal, Right } from './principal.js';

type Caller = 'owner' | 'admin' | 'shared' | 'colleague' | 'nameless' | 'agentKey';

describe('access to agents', () => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let who: Record<Caller, Principal>;

  beforeAll(async () => {
    database = await openTestDatabase();
    fixture = new AccountsFixture(database.db);
    const owner = await fixture.caller('owner', { email: 'owner@example.com' });
    const colleague = await fixture.caller('colleague', { email: 'colleague@example.com' });
    who = {
      owner,
      colleague,
      admin: await fixture.caller('admin', { role: 'admin' }),
      shared: await fixture.caller('shared', { email: 'Shared@Example.com' }),
      nameless: await fixture.caller('nameless'),
      agentKey: { ...owner, via: { kind: 'key', keyId: 'k', agentId: 'a1' } },
    };
    await database.db.of(Membership).insert({ orgId: owner.orgId, userId: colleague.userId, role: 'member' });
    for (const [id, slug] of [
      ['a1', 'alpha'],
      ['a2', 'beta'],
    ] as const)
      await given(id, slug, owner);
    await database.db.of(AgentShare).insert({
      agentId: 'a1',
      email: 'shared@example.com',
      sharedById: owner.userId,
      createdAt: fixture.clock.now(),
    });
  });
  afterAll(() => database.close());

  const given = (id: string, slug: string, owner: Principal) =>
    database.db.of(Agent).insert({
      id,
      slug,
      displayName: slug,
      orgId: owner.orgId,
      ownerId: owner.userId,
      type: 'general',
      runtime: 'opencode',
      cpu: '1',
      memory: '1g',
      approvals: 'auto',
      createdAt: fixture.clock.now(),
      updatedAt: fixture.clock.now(),
    });

  const outcome = (caller: Caller, slug: string, right: Right) =>
    fixture.access.agent(who[caller], { slug }, right).then(
      (agent) => agent.id,
      (error: unknown) => (error instanceof DomainError ? error.kind : String(error)),
    );

  it.each<[Caller, string, Right, string]>([
    ['owner', 'alpha', 'own', 'a1'],
    ['admin', 'alpha', 'own', 'a1'],
    ['shared', 'alpha', 'view', 'a1'],
    ['shared', 'alpha', 'operate', 'a1'],
    ['shared', 'alpha', 'own', 'forbidden'],
    ['shared', 'beta', 'view', 'hidden'],
    ['colleague', 'alpha', 'view', 'hidden'],
    ['nameless', 'alpha', 'view', 'hidden'],
    ['agentKey', 'alpha', 'operate', 'a1'],
    ['agentKey', 'alpha', 'own', 'forbidden'],
    ['agentKey', 'beta', 'view', 'hidden'],
    ['admin', 'gamma', 'view', 'not_found'],
    ['nameless', 'gamma', 'view', 'not_found'],
    ['admin', 'alp\0ha', 'view', 'not_found'],
  ])('%s asks for %s: %s -> %s', async (caller, slug, right, expected) => {
    expect(await outcome(caller, slug, right)).toBe(expected);
  });

  it('finds by id, inside a unit of work, locked for its owner', async () => {
    const agent = await database.db.run((tx) => fixture.access.agent(who.owner, { id: 'a2' }, 'own', tx));
    expect(agent).toBeInstanceOf(Agent);
    expect(agent.slug).toBe('beta');
  });

  it.each<[Caller, string[]]>([
    ['owner', ['a1', 'a2']],
    ['admin', ['a1', 'a2']],
    ['shared', ['a1']],
    ['colleague', []],
    ['nameless', []],
    ['agentKey', ['a1']],
  ])('shows %s the agents %j', async (caller, expected) => {
    expect([...(await fixture.access.visibleAgentIds(who[caller]))].sort()).toEqual(expected);
  });

  it('numbers the parameters of its condition from where it is told', async () => {
    const { sql, values } = fixture.access.visibleAgentsWhere(who.shared, 2);
    const rows = await database.db.query(`select a.id from agents a where a.slug = $1 and ${sql}`, [
      'alpha',
      ...values,
    ]);
    expect(rows).toEqual([{ id: 'a1' }]);
  });

  it('names agents by id', async () => {
    expect(await fixture.access.slugs(['a1', 'nope'])).toEqual(new Map([['a1', 'alpha']]));
    expect(await fixture.access.slugs([])).toEqual(new Map());
  });
});
