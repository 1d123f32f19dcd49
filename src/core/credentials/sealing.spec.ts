import { Sealing } from './sealing.js';
import { Secret } from './secret.js';

const key = (digit: string): Secret => new Secret(digit.repeat(64));

describe('sealing', () => {
  const sealing = new Sealing(key('1'), 'test');
  const sealed = sealing.seal('record-1', 'a secret \u{1F512}');

  it('gives back what was sealed, and shows nothing of it', () => {
    expect(sealing.open('record-1', sealed)).toBe('a secret \u{1F512}');
    expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('secret');
    expect(sealing.seal('record-1', 'a')).not.toBe(sealing.seal('record-1', 'a'));
  });

  it.each([
    ['another record', (): string => sealing.open('record-2', sealed)],
    ['another master key', (): string => new Sealing(key('2'), 'test').open('record-1', sealed)],
    ['another purpose', (): string => new Sealing(key('1'), 'other').open('record-1', sealed)],
    ['a changed value', (): string => sealing.open('record-1', `${sealed.slice(0, -6)}AAAAAA`)],
    ['something else', (): string => sealing.open('record-1', 'hello')],
  ])('does not open for %s', (_what, open) => {
    expect(open).toThrow();
  });
});
