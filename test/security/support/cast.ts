import { randomUUID } from 'node:crypto';
import { ApiKey, type KeyScope } from '../../../src/core/accounts/api-key.entity.js';
import { ApiKeysService } from '../../../src/core/accounts/api-keys.service.js';
import { LoginTokens } from '../../../src/core/accounts/login-tokens.js';
import { LoginsService } from '../../../src/core/accounts/logins.service.js';
import { Membership } from '../../../src/core/accounts/membership.entity.js';
import { User } from '../../../src/core/accounts/user.entity.js';
import { permissions } from '../../../src/core/access/principal.js';
import { Authenticator } from '../../../src/core/access/authenticator.port.js';
import { UsersService } from '../../../src/core/accounts/users.service.js';
import { Secret } from '../../../src/core/credentials/secret.js';
import type { Fleet } from '../../support/fleet.js';
import { ManualClock } from '../../support/manual-clock.js';
import type { Role } from '../expected/words.js';

const people = ['owner', 'outsider', 'stranger', 'colleague', 'shared', 'suspended'] as const;
type Person = (typeof people)[number] | 'admin';

interface WantedKey {
  readonly scopes?: readonly KeyScope[];
  readonly forAgent?: string | null;
  readonly dialect?: string;
  /** Whose organisation; default: the person's own. */
  readonly within?: Person;
}

/** Everybody of the matrix, with something to show at the door. */
export async function assembleCast(fleet: Fleet, agentId: string) {
  const { app, db } = fleet;
  const tokens = app.get(LoginTokens);
  const keys = app.get(ApiKeysService);

  const users = new Map<Person, User>();
  for (const username of people) {
    const wanted = { username, email: addressOf(username), passwordHash: null, role: 'user' } as const;
    users.set(username, await db.run((tx) => app.get(UsersService).create(tx, wanted)));
  }
  users.set('admin', await db.of(User).findOneByOrFail({ username: 'admin' }));
  const user = (name: Person): User => {
    const found = users.get(name);
    if (!found) throw new Error(`no user ${name}`);
    return found;
  };
  await db.of(Membership).insert({ orgId: user('owner').personalOrgId, userId: user('colleague').id, role: 'member' });
  await db.of(User).update({ id: user('suspended').id }, { suspendedAt: new Date() });

  const login = (name: Person): string => tokens.issue(user(name)).accessToken.reveal();
  const keyOf = async (name: Person, wanted: WantedKey = {}) => {
    const { scopes = ['*'], forAgent = null, dialect = 'trinity', within = name } = wanted;
    const holder = { userId: user(name).id, orgId: user(within).personalOrgId, agentId: forAgent };
    return db.run((tx) => keys.issue(tx, holder, { dialect, label: 'matrix', scopes }));
  };
  const valueOf = async (made: ReturnType<typeof keyOf>): Promise<string> => (await made).value.reveal();

  const expired = new LoginTokens(fleet.config, new ManualClock('2020-01-01T00:00:00Z'));
  const elsewhere = new LoginTokens(
    { ...fleet.config, masterKey: new Secret('f'.repeat(64)) },
    new ManualClock(new Date().toISOString()),
  );
  const revoked = login('owner');
  const signedOut = await app.get(Authenticator).authenticate({ kind: 'bearer', value: revoked }, 'trinity');
  if (!signedOut) throw new Error('a login just made is not accepted');
  await app.get(LoginsService).signOut(signedOut);
  const otherApi = await keyOf('owner');
  await db.of(ApiKey).update({ id: otherApi.key.id }, { dialect: 'agento' });

  const agentKey = await keyOf('owner', { forAgent: agentId });
  const dialect = 'hostedagents';
  const scopes = permissions.filter((name) => name !== 'account' && name !== 'admin');
  const hostedAgentKey = await keyOf('owner', { dialect, scopes, forAgent: agentId });
  const ended = await keyOf('owner', { dialect, scopes });
  await db.of(ApiKey).delete({ id: ended.key.id });
  const hosted: Partial<Record<Role, string>> = {
    revoked: ended.value.reveal(),
    narrow_key: await valueOf(keyOf('owner', { dialect, scopes: ['logs:read'] })),
    owner_key: await valueOf(keyOf('owner', { dialect, scopes })),
    agent_key: hostedAgentKey.value.reveal(),
    // A token for the owner's organisation, in which nothing is shared with them.
    colleague: await valueOf(keyOf('colleague', { dialect, scopes, within: 'owner' })),
  };
  for (const name of ['stranger', 'shared', 'owner', 'admin', 'suspended'] as const) {
    hosted[name] = await valueOf(keyOf(name, { dialect, scopes }));
  }
  const fixed: Partial<Record<Role, string>> = {
    expired: expired.issue(user('owner')).accessToken.reveal(),
    revoked,
    other_issuer: elsewhere.issue(user('owner')).accessToken.reveal(),
    other_api_key: otherApi.value.reveal(),
    narrow_key: await valueOf(keyOf('owner', { scopes: ['logs:read'] })),
    owner_key: await valueOf(keyOf('owner')),
    agent_key: agentKey.value.reveal(),
  };
  const loginRoles: readonly Role[] = ['expired', 'other_issuer', 'other_api_key'];
  return {
    user,
    keyOf,
    login,
    /** What a role sends: a new login each time for people, because one of the routes ends it. */
    tokenOf(role: Role): string | undefined {
      if (role === 'anonymous') return undefined;
      const known = fixed[role];
      if (known !== undefined) return known;
      return login(role as Person);
    },
    /** The same people with tokens of the Hosted Agents API; what was never one stays what it is. */
    hostedTokenOf(role: Role): string | undefined {
      if (role === 'anonymous') return undefined;
      return loginRoles.includes(role) ? fixed[role] : hosted[role];
    },
    /** Gives everybody back the address they had, and the own agent its key. */
    async restore(): Promise<void> {
      for (const name of people) {
        const theirs = { email: addressOf(name), emailProvenAt: new Date() };
        await db.of(User).update({ id: user(name).id }, theirs);
      }
      // Deleting an agent ends its key; the agent is put back, and so is this.
      await db.of(ApiKey).save([agentKey.key, hostedAgentKey.key]);
    },
  };
}

export type Cast = Awaited<ReturnType<typeof assembleCast>>;

export const addressOf = (name: string): string => `${name}@example.com`;

/** An id that nothing has. */
export const unknownId = randomUUID();
