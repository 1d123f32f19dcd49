import { githubRepoOf, memoryBytes, renamedSlugOf, resourcesOf, slugOf } from './agent.rules.js';

describe('agent names', () => {
  it.each([
    ['invalid name with spaces!', 'invalid-name-with-spaces'],
    ['Research.Agent_1', 'research.agent_1'],
    ['--a---b--', 'a-b'],
    ['äö-x', 'x'],
    ['../../etc', 'etc'],
  ])('%s becomes %s', (given, expected) => {
    expect(slugOf(given)).toBe(expected);
  });

  it.each([
    ['!!!', 'Invalid'],
    ['', 'Invalid'],
    ['a'.repeat(64), 'too long'],
    ['trinity-system', 'reserved'],
    ['Context Stats', 'reserved'],
  ])('%s is refused', (given, reason) => {
    expect(() => slugOf(given)).toThrow(reason);
  });

  it.each([
    ['Test Agent With Spaces!', 'test-agent-with-spaces'],
    ['v1.2', 'v1-2'],
  ])('renaming to %s gives %s', (given, expected) => {
    expect(renamedSlugOf(given)).toBe(expected);
  });

  it.each([
    ['  ', 'empty'],
    ['!!!', 'Invalid'],
    ['b'.repeat(64), 'too long'],
    ['Trinity-System', 'reserved'],
  ])('renaming to %s is refused', (given, reason) => {
    expect(() => renamedSlugOf(given)).toThrow(reason);
  });
});

describe('resources', () => {
  it.each([
    [undefined, { cpu: '2', memory: '4g' }],
    [
      { cpu: 2, memory: '4g' },
      { cpu: '2', memory: '4g' },
    ],
    [{ cpu: '0.5' }, { cpu: '0.5', memory: '4g' }],
    [{ memory: '1.5Gi' }, { cpu: '2', memory: '1.5Gi' }],
  ])('%j', (given, expected) => {
    expect(resourcesOf(given)).toEqual(expected);
  });

  it.each([[{ cpu: 0 }], [{ cpu: '-1' }], [{ cpu: 'two' }], [{ cpu: {} }], [{ memory: '4x' }], [{ memory: '1k' }]])(
    '%j is refused',
    (given) => {
      expect(() => resourcesOf(given)).toThrow('resources.');
    },
  );

  it.each([
    ['4g', 4 * 2 ** 30],
    ['512M', 512 * 2 ** 20],
    ['100', 100],
    ['1.5ki', 1536],
    ['g', null],
  ])('%s is %s bytes', (given, expected) => {
    expect(memoryBytes(given)).toBe(expected);
  });
});

it('knows a repository from other text', () => {
  expect(githubRepoOf('Org/repo.js')).toBe('Org/repo.js');
  for (const bad of ['x', 'a/b/c', 'https://github.com/a/b', 'a/', '-a/b']) expect(() => githubRepoOf(bad)).toThrow();
});
