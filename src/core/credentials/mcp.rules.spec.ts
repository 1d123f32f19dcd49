import { abilitiesOf, mcpServersIn, type McpServer } from './mcp.rules.js';

const variables = new Map([['TOKEN', 't0k3n']]);
const all = { http: true, sse: true };
const found = (servers: unknown, abilities = all): McpServer[] =>
  mcpServersIn(JSON.stringify({ mcpServers: servers }), variables, abilities);

describe('the tool servers of an .mcp.json', () => {
  it('are told with their variables replaced', () => {
    expect(
      found({
        one: { command: 'npx', args: ['-y', 'x', '${TOKEN}'], env: { KEY: '${TOKEN}', LEVEL: '${NO:-info}', N: 1 } },
        two: { type: 'http', url: 'https://x/${TOKEN}', headers: { Authorization: 'Bearer ${TOKEN}' } },
        three: { type: 'sse', url: 'https://y' },
        four: { url: 'https://z' },
      }),
    ).toEqual([
      {
        name: 'one',
        command: 'npx',
        args: ['-y', 'x', 't0k3n'],
        env: [
          { name: 'KEY', value: 't0k3n' },
          { name: 'LEVEL', value: 'info' },
        ],
      },
      {
        type: 'http',
        name: 'two',
        url: 'https://x/t0k3n',
        headers: [{ name: 'Authorization', value: 'Bearer t0k3n' }],
      },
      { type: 'sse', name: 'three', url: 'https://y', headers: [] },
      { type: 'http', name: 'four', url: 'https://z', headers: [] },
    ]);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['a list', []],
    ['a text as server', { a: 'x' }],
    ['neither command nor address', { a: { type: 'stdio' } }],
    ['a number as command', { a: { command: 7 } }],
    ['one switched off', { a: { command: 'x', disabled: true } }],
  ])('are none in %s', (_what, servers) => {
    expect(found(servers)).toEqual([]);
  });

  it('are none in what is no JSON', () => {
    expect(mcpServersIn('{', variables, all)).toEqual([]);
  });

  it('leave out what the runtime cannot talk to', () => {
    const servers = {
      a: { type: 'http', url: 'https://x' },
      b: { type: 'sse', url: 'https://y' },
      c: { command: 'c' },
    };
    expect(found(servers, { http: false, sse: false }).map(({ name }) => name)).toEqual(['c']);
    expect(abilitiesOf({ agentCapabilities: { mcpCapabilities: { http: true } } })).toEqual({ http: true, sse: false });
    expect(abilitiesOf(null)).toEqual({ http: false, sse: false });
  });
});
