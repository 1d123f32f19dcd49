import { homePathOf, isPrivate } from './file.rules.js';

describe('paths', () => {
  it.each([
    ['', ''],
    ['.', ''],
    ['/home/developer', ''],
    ['/home/developer/', ''],
    ['/workspace/a/b', 'a/b'],
    ['a//b/./c', 'a/b/c'],
    ['a/../b', 'b'],
    ['/home/developer/a/../b', 'b'],
    ['..a/b..', '..a/b..'],
  ])('%j means %j', (given, expected) => {
    expect(homePathOf(given)).toBe(expected);
  });

  it.each([
    '..',
    '../../../etc/passwd',
    'a/../../b',
    '/etc/passwd',
    '/home/developer/../other',
    '/home/developers',
    '/workspace/../x',
  ])('%s leads out', (given) => {
    expect(() => homePathOf(given)).toThrow('leads out');
  });

  it('refuses NUL', () => {
    expect(() => homePathOf('a\0b')).toThrow('NUL');
  });
});

describe('private files', () => {
  it.each([
    '.env',
    '.env.local',
    'app/.env',
    '.ssh/id_ed25519',
    'certs/server.key',
    '.local/share/opencode/opencode.db',
    '.config/flotilla/instructions.md',
    '.claude/settings.json',
  ])('%s is for the owner', (path) => {
    expect(isPrivate(path)).toBe(true);
  });

  it.each(['hello.txt', 'src/key.ts', 'environment', '.gitignore', '.config/other', 'sshd/notes'])(
    '%s is not',
    (path) => {
      expect(isPrivate(path)).toBe(false);
    },
  );
});
