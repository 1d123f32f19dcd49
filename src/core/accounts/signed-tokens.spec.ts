import { createHmac } from 'node:crypto';
import { Secret } from '../credentials/secret.js';
import { SignedTokens } from './signed-tokens.js';

const now = new Date('2026-03-01T12:00:00Z');
const seconds = now.getTime() / 1000;
const claims = { sub: 'ada', jti: 'j1', iat: seconds, exp: seconds + 60 };
const tokens = new SignedTokens(new Secret('m'.repeat(32)), 'login');
const base64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Changes one character to the next one of the alphabet. */
function flip(text: string, at: number): string {
  const changed = text[at] === 'A' ? 'B' : 'A';
  return text.slice(0, at) + changed + text.slice(at + 1);
}

describe('signed tokens', () => {
  it('come back as they were signed', () => {
    expect(tokens.verify(tokens.sign({ ...claims, mode: 'admin' }), now)).toEqual({ ...claims, mode: 'admin' });
  });

  it('are refused when any single character was changed', () => {
    const token = tokens.sign(claims);
    const accepted = [...token].map((_, at) => flip(token, at)).filter((forged) => tokens.verify(forged, now));
    expect(accepted).toEqual([]);
  });

  it.each([
    ['none', { alg: 'none', typ: 'JWT' }],
    ['None', { alg: 'None' }],
    ['RS256', { alg: 'RS256' }],
    ['HS512', { alg: 'HS512' }],
    ['no algorithm', {}],
  ])('of another algorithm are refused, signed or not: %s', (_name, header) => {
    const [, body, signature] = tokens.sign(claims).split('.');
    const head = base64(header);
    const empty = createHmac('sha256', '').update(`${head}.${body}`).digest('base64url');
    for (const forged of ['', signature, empty]) expect(tokens.verify(`${head}.${body}.${forged}`, now)).toBeNull();
  });

  it.each(['', '.', '..', 'a.b', 'a.b.c', 'a.b.c.d', 'null.null.null', 'x'.repeat(10_000)])(
    'refuse rubbish: %.20j',
    (text) => {
      expect(tokens.verify(text, now)).toBeNull();
    },
  );

  it.each([
    ['expired', { exp: seconds }],
    ['from the future', { iat: seconds + 61 }],
    ['without subject', { sub: undefined }],
    ['without id', { jti: undefined }],
    ['with an empty id', { jti: '' }],
    ['without expiry', { exp: undefined }],
    ['with a text as expiry', { exp: '9999999999' }],
    ['without time of issue', { iat: undefined }],
    ['not valid yet', { nbf: seconds + 61 }],
    ['with a text as time from which they are valid', { nbf: '0' }],
    ['made for another audience', { aud: 'elsewhere' }],
    ['made by another issuer', { iss: 'https://elsewhere.example' }],
  ])('are refused %s', (_name, change) => {
    expect(tokens.verify(tokens.sign({ ...claims, ...change } as typeof claims), now)).toBeNull();
  });

  it('of another key or purpose are refused', () => {
    const token = tokens.sign(claims);
    expect(new SignedTokens(new Secret('n'.repeat(32)), 'login').verify(token, now)).toBeNull();
    expect(new SignedTokens(new Secret('m'.repeat(32)), 'ticket').verify(token, now)).toBeNull();
  });
});
