import { requireName, requireRoom, requireValue } from './secret.rules.js';

describe('keys of secrets', () => {
  it.each(['K', '_', 'a1', 'GITHUB_TOKEN', 'A'.repeat(128), 'AGENT_NAMES', 'HOMEPAGE', 'LDAP'])(
    '%s is good',
    (name) => {
      expect(() => requireName(name, ['OPENCODE_*', 'TRINITY_MCP_API_KEY'])).not.toThrow();
    },
  );

  it.each([
    ['empty', ''],
    ['begins with a digit', '1A'],
    ['a sign', 'A-B'],
    ['a line end', 'A\n'],
    ['too long', 'A'.repeat(129)],
    ['of another script', '\u00c4'],
    ['a path', 'PATH'],
    ['the home', 'HOME'],
    ['the loader', 'LD_PRELOAD'],
    ['ours', 'FLOTILLA_EXEC'],
    ['what an agent is told', 'AGENT_NAME'],
    ["an agent's key", 'TRINITY_MCP_API_KEY'],
    ['of a runtime', 'OPENCODE_CONFIG'],
  ])('%s: refused', (_what, name) => {
    expect(() => requireName(name, ['OPENCODE_*', 'TRINITY_MCP_API_KEY'])).toThrow(/^(?:A key starts|\w+ is reserved)/);
  });
});

describe('values of secrets', () => {
  it('takes 1 byte to 64 KiB', () => {
    expect(() => requireValue('K', 'x')).not.toThrow();
    expect(() => requireValue('K', 'x'.repeat(65_536))).not.toThrow();
  });

  it.each([
    ['empty', ''],
    ['too long', 'x'.repeat(65_537)],
    ['too long in bytes', '\u00e4'.repeat(32_769)],
    ['NUL', 'a\0b'],
    ['half a character', '\ud800'],
    ['a number', 7],
    ['null', null],
  ])('%s: refused, without repeating it', (_what, value) => {
    expect(() => requireValue('K', value)).toThrow(/^The value of K [a-zA-Z0-9 ]+$/);
  });

  it('takes 1 MiB of them together', () => {
    const many = (count: number): [string, number][] =>
      Array.from({ length: count }, (_, index) => [`K${index}`, 65_000]);
    expect(() => requireRoom(many(16))).not.toThrow();
    expect(() => requireRoom(many(17))).toThrow('1 MiB');
  });
});
