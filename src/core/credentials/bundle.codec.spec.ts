import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { openBundle, sealBundle, type Bundle } from './bundle.codec.js';
import { Secret } from './secret.js';

const hex = 'ab'.repeat(32);
const key = new Secret(hex);
const texts = new Map([
  ['.env', Buffer.from('A=1\nB="zwei ü 🙂"\n')],
  ['.mcp.json', Buffer.from('{"mcpServers":{}}')],
]);
const binary = new Map([...texts, ['k.p12', Buffer.from([0, 255, 128, 1])]]);

/** Written straight from the documented format, as another program would. */
function foreign(plain: unknown, more: Partial<Record<keyof Bundle, unknown>> = {}, withKey = hex): object {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', Buffer.from(withKey, 'hex'), nonce);
  const text = typeof plain === 'string' ? plain : JSON.stringify(plain);
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return {
    version: 1,
    algorithm: 'AES-256-GCM',
    nonce: nonce.toString('base64'),
    ciphertext: sealed.toString('base64'),
    ...more,
  };
}

function plainOf({ nonce, ciphertext }: Bundle): unknown {
  const sealed = Buffer.from(ciphertext, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(hex, 'hex'), Buffer.from(nonce, 'base64'));
  decipher.setAuthTag(sealed.subarray(-16));
  const plain = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  return JSON.parse(plain.toString('utf8'));
}

describe('a credentials bundle', () => {
  it.each([
    ['texts', texts],
    ['binary files', binary],
    ['a byte order mark', new Map([['.env', Buffer.from('\ufeffA=1')]])],
    ['an empty file', new Map([['.env', Buffer.alloc(0)]])],
  ])('gives back %s, byte for byte', (_what, files) => {
    const sealed = sealBundle(files, key);
    expect(openBundle(sealed, key)).toEqual(files);
    expect(openBundle(JSON.stringify(sealed), key)).toEqual(files);
  });

  it('is a plain map of texts for older readers, and an archive only with binary files', () => {
    expect(plainOf(sealBundle(texts, key))).toEqual({
      '.env': 'A=1\nB="zwei ü 🙂"\n',
      '.mcp.json': '{"mcpServers":{}}',
    });
    expect(plainOf(sealBundle(binary, key))).toEqual({
      __cred_archive_v2__: 1,
      files: { '.env': 'A=1\nB="zwei ü 🙂"\n', '.mcp.json': '{"mcpServers":{}}' },
      files_b64: { 'k.p12': 'AP+AAQ==' },
    });
  });

  it('never uses a nonce twice', () => {
    const nonces = Array.from({ length: 50 }, () => sealBundle(texts, key).nonce);
    expect(new Set(nonces).size).toBe(50);
  });

  it.each<[string, unknown]>([
    ['a plain map', foreign({ '.env': 'A=1' })],
    ['an archive', foreign({ __cred_archive_v2__: 1, files: { '.env': 'A=1' }, files_b64: {} })],
    ['an archive with its file in binary', foreign({ __cred_archive_v2__: 1, files_b64: { '.env': 'QT0x' } })],
  ])('made elsewhere as %s is read', (_what, bundle) => {
    expect(openBundle(bundle, key)).toEqual(new Map([['.env', Buffer.from('A=1')]]));
  });

  const good = sealBundle(texts, key);
  const flipped = Buffer.from(good.ciphertext, 'base64');
  flipped[0] = (flipped[0] ?? 0) ^ 1;
  const shortened = Buffer.from(good.ciphertext, 'base64').subarray(0, -1);

  it.each<[string, unknown, RegExp]>([
    ['another key', foreign({ '.env': 'A=1' }, {}, 'cd'.repeat(32)), /another key/],
    ['a changed byte', { ...good, ciphertext: flipped.toString('base64') }, /another key, or it is damaged/],
    ['a missing byte', { ...good, ciphertext: shortened.toString('base64') }, /damaged/],
    ['another nonce', { ...good, nonce: randomBytes(12).toString('base64') }, /damaged/],
    ['a short nonce', { ...good, nonce: randomBytes(8).toString('base64') }, /no credentials bundle/],
    ['no ciphertext', { ...good, ciphertext: undefined }, /no credentials bundle/],
    ['a tag only in part', { ...good, ciphertext: 'AAAA' }, /no credentials bundle/],
    ['a text that is not base64', { ...good, ciphertext: 'not base64!' }, /no credentials bundle/],
    ['a cut text', JSON.stringify(good).slice(0, -20), /no credentials bundle/],
    ['an empty text', '', /no credentials bundle/],
    ['null', null, /no credentials bundle/],
    ['a list', [good], /no credentials bundle/],
    ['version 2', { ...good, version: 2 }, /does not know/],
    ['another cipher', { ...good, algorithm: 'AES-128-CBC' }, /does not know/],
    ['a newer archive', foreign({ __cred_archive_v2__: 2, files: {} }), /newer/],
    ['a number for a file', foreign({ '.env': 7 }), /no credentials bundle/],
    ['a list for its files', foreign({ __cred_archive_v2__: 1, files: [] }), /no credentials bundle/],
    ['bad base64 inside', foreign({ __cred_archive_v2__: 1, files_b64: { a: '?' } }), /no credentials bundle/],
    [
      'one path twice',
      foreign({ __cred_archive_v2__: 1, files: { a: '' }, files_b64: { a: '' } }),
      /no credentials bundle/,
    ],
    ['a list inside', foreign([]), /no credentials bundle/],
    ['no JSON inside', foreign('A=1'), /no credentials bundle/],
  ])('with %s is refused', (_what, bundle, message) => {
    expect(() => openBundle(bundle, key)).toThrow(message);
  });
});
