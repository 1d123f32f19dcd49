import { checkedFiles, countVariables, fromBase64 } from './credential-files.js';

const given = (files: Record<string, string>, binary: Record<string, string> = {}) => ({
  files: new Map(Object.entries(files)),
  binary: new Map(Object.entries(binary)),
});

describe('credentials as they are sent', () => {
  it('become bytes by path', () => {
    expect(checkedFiles(given({ '.env': 'A=ü' }, { 'a.p12': 'AP8=' }))).toEqual(
      new Map([
        ['.env', Buffer.from('A=ü')],
        ['a.p12', Buffer.from([0, 255])],
      ]),
    );
  });

  it.each<[string, Parameters<typeof given>, RegExp]>([
    ['nothing', [{}], /No files/],
    ['a path twice', [{ 'a.pem': 'x' }, { 'a.pem': 'eA==' }], /once/],
    ['a forbidden path', [{ '.env': 'A=1', '.bashrc': 'x' }], /not allowed/],
    ['.mcp.json as binary', [{}, { '.mcp.json': 'e30=' }], /is text/],
    ['.mcp.json that is no JSON', [{ '.mcp.json': '{' }], /mcpServers/],
    ['.mcp.json without servers', [{ '.mcp.json': '{}' }], /mcpServers/],
    ['.mcp.json with a list of servers', [{ '.mcp.json': '{"mcpServers":[]}' }], /mcpServers/],
    ['bad base64', [{}, { 'a.p12': 'AP8' }], /base64/],
    ['a folder that is a file', [{ 'a.pem': '', 'a.pem/b.pem': '' }], /folder/],
    ['too many', [Object.fromEntries(Array.from({ length: 201 }, (_x, at) => [`${at}.pem`, '']))], /At most 200/],
    ['too much', [{ '.env': 'x'.repeat(8 * 2 ** 20 + 1) }], /At most 8 MiB/],
  ])('are refused: %s', (_what, [files, binary], message) => {
    expect(() => checkedFiles(given(files, binary))).toThrow(message);
  });

  it.each<[string, boolean]>([
    ['', true],
    ['AP8=', true],
    ['AP8', false],
    ['AP9=', false],
    ['A P8', false],
    ['A===', false],
    ['-_8=', false],
  ])('%j is base64: %s', (text, good) => {
    expect(fromBase64(text) !== null).toBe(good);
  });

  it.each<[string, number]>([
    ['', 0],
    ['A=1\n# B=2\n\nexport C=3\n D = 4\nnonsense\n=5', 3],
    ['A=1\r\nB=\r\n', 2],
  ])('%j has %i variables', (env, count) => {
    expect(countVariables(env)).toBe(count);
  });
});
