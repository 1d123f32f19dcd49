import { includes, rightOn } from './access.rules.js';
import type { Principal, Right, Role } from './principal.js';

const person = (userId: string, role: Role = 'user'): Principal => ({
  userId,
  username: userId,
  email: `${userId}@example.com`,
  role,
  orgId: 'team',
  orgIds: ['team'],
  permissions: new Set(),
  via: { kind: 'login', jti: 'j', expiresAt: new Date(0) },
});
const withKey = (who: Principal, agentId: string | null): Principal => ({
  ...who,
  via: { kind: 'key', keyId: 'k', agentId },
});

describe('right on an agent', () => {
  const agent = { id: 'a1', ownerId: 'ada', orgId: 'team' };

  it.each<[string, Principal, boolean, Right | null]>([
    ['its owner', person('ada'), false, 'own'],
    ['its owner, shared with as well', person('ada'), true, 'own'],
    ['an administrator', person('root', 'admin'), false, 'own'],
    ['somebody it is shared with', person('bob'), true, 'operate'],
    ['somebody of the same organisation', person('bob'), false, null],
    ['a creator of the same organisation', person('bob', 'creator'), false, null],
    ['an operator it is shared with', person('bob', 'operator'), true, 'operate'],
    ["the owner's key", withKey(person('ada'), null), false, 'own'],
    ["an administrator's key", withKey(person('root', 'admin'), null), false, 'own'],
    ["the agent's own key", withKey(person('ada'), 'a1'), false, 'operate'],
    ["the owner's key for another agent", withKey(person('ada'), 'a2'), false, null],
    ['a key for another agent, shared', withKey(person('bob'), 'a2'), true, null],
    ["an administrator's key for another agent", withKey(person('root', 'admin'), 'a2'), false, null],
    ['the system', { ...person('root', 'admin'), via: { kind: 'system' } }, false, 'own'],
  ])('of %s', (_who, who, shared, expected) => {
    expect(rightOn(who, agent, shared)).toBe(expected);
  });

  it.each<[Right, Right, boolean]>([
    ['own', 'view', true],
    ['own', 'own', true],
    ['operate', 'view', true],
    ['operate', 'own', false],
    ['view', 'operate', false],
  ])('%s includes %s: %s', (held, asked, expected) => {
    expect(includes(held, asked)).toBe(expected);
  });
});
