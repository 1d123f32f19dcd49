import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sshString } from './ssh-bytes.js';
import { isSignedBy, newKeyPair, publicKeyOf } from './ssh-key.rules.js';

describe('SSH keys', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'flotilla-keys-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const keygen = (...argv: string[]): string => execFileSync('ssh-keygen', argv, { encoding: 'utf8' });

  it.each([
    ['ed25519', []],
    ['rsa', ['-b', '2048']],
    ['ecdsa', ['-b', '256']],
    ['ecdsa', ['-b', '384']],
    ['ecdsa', ['-b', '521']],
  ])('reads what ssh-keygen makes: %s %j', (type, more) => {
    const file = join(folder, `${type}-${more.join('')}`);
    keygen('-q', '-t', type, ...more, '-N', '', '-C', 'me@here', '-f', file);
    const key = publicKeyOf(`  ${readFileSync(`${file}.pub`, 'utf8')}`);
    expect(keygen('-l', '-f', `${file}.pub`)).toContain(key.fingerprint);
  });

  it.each([
    ['nothing', ''],
    ['no key', 'not-a-key'],
    ['only its kind', 'ssh-ed25519 '],
    ['no base64', 'ssh-ed25519 ????'],
    ['cut short', 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA=='],
    ['another kind inside', `ssh-rsa ${newKeyPair('x').publicKey.split(' ')[1] ?? ''}`],
    ['options', `command="true" ${newKeyPair('x').publicKey}`],
    ['two lines', `${newKeyPair('x').publicKey}\n${newKeyPair('y').publicKey}`],
    ['a kind that is too old', 'ssh-dss AAAAB3NzaC1kc3MAAACBAJ'],
    ['a private key', newKeyPair('x').privateKey],
    ['far too much', `ssh-ed25519 ${'A'.repeat(20_000)}`],
    ['a short RSA key', rsaLine(1024)],
    ['a point that is on no curve', ecdsaLine(Buffer.alloc(64, 7))],
  ])('refuses %s, and says public_key', (_what, text) => {
    expect(() => publicKeyOf(text)).toThrow(/public_key/);
    const secret = text.slice(0, 40);
    if (secret.length > 30) expect(() => publicKeyOf(text)).not.toThrow(secret);
  });

  it('makes pairs that OpenSSH reads', () => {
    const { privateKey, publicKey } = newKeyPair('flotilla-hello');
    const file = join(folder, 'made');
    writeFileSync(file, privateKey, { mode: 0o600 });
    expect(keygen('-y', '-f', file).trim()).toBe(publicKey);
    expect(publicKeyOf(publicKey).type).toBe('ssh-ed25519');
  });

  it('takes a signature of a security key that was touched, and no other', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const x = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
    const type = 'sk-ssh-ed25519@openssh.com';
    const blob = Buffer.concat([sshString(type), sshString(x), sshString('ssh:')]);
    expect(publicKeyOf(`${type} ${blob.toString('base64')}`).blob.equals(blob)).toBe(true);

    const data = randomBytes(50);
    const sha256 = (part: string | Buffer): Buffer => createHash('sha256').update(part).digest();
    const signed = (flags: number): Buffer => {
      const tail = Buffer.from([flags, 0, 0, 0, 7]);
      return Buffer.concat([sign(null, Buffer.concat([sha256('ssh:'), tail, sha256(data)]), privateKey), tail]);
    };
    const check = (bytes: Buffer): boolean => isSignedBy(type, blob, { data, bytes, hash: undefined });
    expect([check(signed(1)), check(signed(0)), check(sign(null, data, privateKey))]).toEqual([true, false, false]);
  });

  it('takes no SHA-1 signature', () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
    const number = (text: string): Buffer => sshString(Buffer.concat([Buffer.of(0), Buffer.from(text, 'base64url')]));
    const blob = Buffer.concat([sshString('ssh-rsa'), number(e), number(n)]);
    const data = randomBytes(50);
    const check = (hash: string | undefined): boolean =>
      isSignedBy('ssh-rsa', blob, { data, bytes: sign(hash ?? 'sha1', data, privateKey), hash });
    expect([check('sha512'), check('sha256'), check('sha1'), check(undefined)]).toEqual([true, true, false, false]);
  });
});

function rsaLine(bits: number): string {
  const { n = '', e = '' } = generateKeyPairSync('rsa', { modulusLength: bits }).publicKey.export({ format: 'jwk' });
  const parts = ['ssh-rsa', Buffer.from(e, 'base64url'), Buffer.from(n, 'base64url')].map((part) => sshString(part));
  return `ssh-rsa ${Buffer.concat(parts).toString('base64')}`;
}

function ecdsaLine(point: Buffer): string {
  const type = 'ecdsa-sha2-nistp256';
  const parts = [type, 'nistp256', Buffer.concat([Buffer.of(4), point])].map((part) => sshString(part));
  return `${type} ${Buffer.concat(parts).toString('base64')}`;
}
