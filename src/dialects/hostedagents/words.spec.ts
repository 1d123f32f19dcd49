import { randomUUID } from 'node:crypto';
import { namedIdOf, ownIdOf, ownNamedIdOf, publicIdOf, statusOf } from './words.js';

describe('ids of agents', () => {
  const edges = ['00000000-0000-4000-8000-000000000000', 'ffffffff-ffff-4fff-bfff-ffffffffffff'];
  const many = [...edges, ...Array.from({ length: 500 }, () => randomUUID())];

  it('are a c and 24 small letters and digits, and lead back', () => {
    for (const id of many) {
      expect(publicIdOf(id)).toMatch(/^c[0-9a-z]{24}$/);
      expect(ownIdOf(publicIdOf(id))).toBe(id);
    }
    expect(new Set(many.map(publicIdOf)).size).toBe(many.length);
  });

  it.each([
    '',
    'c',
    'clx1abc2def3',
    `c${'z'.repeat(24)}`,
    `C${'0'.repeat(24)}`,
    `c${'0'.repeat(25)}`,
    'c/../',
    edges[0] ?? '',
  ])('nothing is called %j', (text) => {
    expect(ownIdOf(text)).toBeNull();
  });

  it('need an id of ours', () => {
    expect(() => publicIdOf('a1')).toThrow('no public form');
  });
});

describe('ids of other things', () => {
  it('say what they name', () => {
    const id = randomUUID();
    expect(namedIdOf('session', id)).toMatch(/^ses_[0-9a-f]{32}$/);
    expect(ownNamedIdOf('session', namedIdOf('session', id))).toBe(id);
    expect(ownNamedIdOf('approval', namedIdOf('session', id))).toBeNull();
    expect(ownNamedIdOf('question', 'q_abc123')).toBeNull();
  });
});

it.each([
  ['provisioning', 'PROVISIONING'],
  ['running', 'RUNNING'],
  ['stopping', 'STOPPED'],
  ['stopped', 'STOPPED'],
  ['failed', 'ERROR'],
  [null, 'STOPPED'],
] as const)('%s is %s', (state, word) => {
  expect(statusOf(state)).toBe(word);
});
