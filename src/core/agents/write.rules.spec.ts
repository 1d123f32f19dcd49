import { defaultPatterns, isWriteBlocked, openFoldersOf, patternsOf } from './write.rules.js';

describe('what a read-only agent may write', () => {
  it.each([
    ['x.py', true],
    ['src/deep/x.py', true],
    ['x.PY', false],
    ['x.pyc', false],
    ['Makefile', true],
    ['sub/Makefile', true],
    ['.env', true],
    ['.env.local', true],
    ['.claude/settings.json', true],
    ['content/x.py', false],
    ['content/deep/x.py', false],
    ['my-content/x.py', true],
    ['src/content/x.py', true],
    ['notes.md', false],
    ['README.md', true],
    ['build.log', false],
    ['requirements.txt', false],
    ['a.yaml', true],
  ])('%s is blocked by default: %s', (path, blocked) => {
    expect(isWriteBlocked(path, defaultPatterns)).toBe(blocked);
  });

  it.each([
    ['*', 'a/b', true],
    ['a/*/c', 'a/x/y/c', true],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['./src/*', 'src/a', true],
    ['/home/developer/src/*', 'src/a', true],
    ['/workspace/src/*', 'src/a', true],
    ['*a*a*a*a*a*a*a*a*a*b', 'a'.repeat(5000), false],
    ['[a].py', '[a].py', true],
    ['[a].py', 'a.py', false],
  ])('%s blocks %s: %s', (pattern, path, blocked) => {
    expect(isWriteBlocked(path, { blocked: [pattern], allowed: [] })).toBe(blocked);
  });

  it('leaves folders open that are allowed as a whole', () => {
    expect(openFoldersOf(defaultPatterns)).toEqual(['content', 'output', 'reports', 'exports']);
    const odd = ['a/**', './b/c/*', '/workspace/d/*', '../e/*', 'f/../g/*', '*/h/*', 'i/*.txt', '/etc/*', '*', 'a/*'];
    expect(openFoldersOf({ allowed: odd })).toEqual(['a', 'b/c', 'd']);
  });

  it.each([
    ['x'],
    [null],
    [[1]],
    [['']],
    [['a\nb']],
    [['a\u0000']],
    [['\ud800']],
    [['x'.repeat(201)]],
    [Array(201).fill('x')],
  ])('refuses %j', (given) => {
    expect(() => patternsOf(given, 'blocked_patterns')).toThrow('blocked_patterns must');
  });
});
