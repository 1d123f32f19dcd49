import { envFileOf, idOf, templateFrom, templateRefOf } from './template.rules.js';

const here = { source: 'local', name: 'x' } as const;

describe('names of templates', () => {
  it.each([
    ['local:default', 'local:default'],
    ['default', 'local:default'],
    ['github:Org/repo.name', 'github:Org/repo.name'],
  ])('%s is %s', (text, id) => {
    expect(idOf(templateRefOf(text))).toBe(id);
  });

  it.each([
    'local:',
    'local:../x',
    'local:a..b',
    'local:/etc',
    'local:a/b',
    'local:.hidden',
    '',
    'a b',
    'github:x',
    'github:x/y/z',
    'github:../y',
    'github:x/..%2f',
    'github:-x/y',
    'other:x',
    'local:a\0',
  ])('%j is refused', (text) => {
    expect(() => templateRefOf(text)).toThrow();
  });
});

describe('template.yaml', () => {
  it('may say nothing but a name', () => {
    expect(templateFrom(here, 'name: Little')).toEqual({
      ref: here,
      displayName: 'Little',
      description: '',
      mcpServers: [],
      resources: null,
      credentials: [],
    });
  });

  it('is read whole', () => {
    const text = `
name: x
display_name: " The X "
description: does x
mcp_servers: [github, { name: files, description: reads files }]
resources: { cpu: 1, memory: 2g }
required_credentials: [A, { name: B, description: "second\\nline" }]
`;
    const template = templateFrom(here, text);
    expect(template).toMatchObject({
      displayName: 'The X',
      mcpServers: ['github', 'files'],
      resources: { cpu: '1', memory: '2g' },
    });
    expect(envFileOf(template)).toBe('# Credentials for The X\nA=\n# second line\nB=\n');
  });

  it('may name credentials by place, and each counts once', () => {
    const text = 'credentials: { mcp_servers: { a: { env_vars: [A, B] }, b: {} }, env_file: [B, C] }';
    const names = templateFrom(here, text).credentials.map(({ name }) => name);
    expect(names).toEqual(['B', 'C', 'A']);
  });

  it.each([
    ['a: [', 'no YAML'],
    ['', 'no fields'],
    ['- a', 'no fields'],
    ['just text', 'no fields'],
    ['resources: 4g', 'resources must'],
    ['resources: { cpu: lots }', 'resources.cpu'],
    ['resources: { memory: 1 }', 'resources.memory'],
    ['display_name: [a]', 'display_name must be a text'],
    ['mcp_servers: files', 'mcp_servers must be a list'],
    ['mcp_servers: [1]', 'mcp_servers must hold names'],
    ['credentials: A', 'credentials must be a list'],
    ['credentials: ["A; rm -rf /"]', 'name of a variable'],
    ['a: &a [x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: &d [*c, *c, *c]\ne: [*d, *d, *d]', 'no YAML'],
  ])('%j is refused: %s', (text, why) => {
    expect(() => templateFrom(here, text)).toThrow(`template.yaml of local:x is not valid: `);
    expect(() => templateFrom(here, text)).toThrow(why);
  });
});
