import { permissions, roles } from '../access/principal.js';
import { normalizeEmail } from './account.rules.js';
import { credentialRulesOf } from './key-formats.js';
import { permissionsOf } from './roles.js';

describe('e-mail addresses', () => {
  it.each([
    ['Ada@Example.COM', 'ada@example.com'],
    ['  ada@example.com ', 'ada@example.com'],
    ['jose\u0301@example.com', 'jos\u00e9@example.com'],
    ['ada', null],
    ['ada@example', null],
    ['ada@@example.com', null],
    ['a da@example.com', null],
    ['ada@example.com\u0000', null],
    [`${'a'.repeat(250)}@example.com`, null],
    ['', null],
    ['a,b@example.com', null],
    ['a;b@example.com', null],
    ['<a@example.com>', null],
    ['"a b"@example.com', null],
    ['"evil@example.org"@example.com', null],
    ['a@[127.0.0.1].x', null],
    ["o'brien+tag@example.com", "o'brien+tag@example.com"],
  ])('%j -> %j', (text, expected) => {
    expect(normalizeEmail(text)).toBe(expected);
  });
});

describe('roles', () => {
  it('let administrators do everything', () => {
    expect([...permissionsOf.admin]).toEqual([...permissions]);
  });

  it.each(roles.filter((role) => role !== 'admin'))('let a %s do everything but administration', (role) => {
    expect([...permissionsOf[role]]).toEqual(permissions.filter((name) => name !== 'admin'));
  });
});

describe('credential rules', () => {
  it.each(['agento', '', 'constructor', '__proto__'])('accept nothing in a dialect nobody listed: %j', (dialect) => {
    expect(credentialRulesOf(dialect)).toEqual({ keyPrefix: null, shown: 0, logins: false });
  });
});
