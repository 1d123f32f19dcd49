import { createHash, createPublicKey, generateKeyPairSync, type JsonWebKey, type KeyObject, verify } from 'node:crypto';
import { Invalid } from '../errors/domain-error.js';
import { SshBytes, sshString } from './ssh-bytes.js';

/** A public key as it stands in an `authorized_keys` file, understood. */
export interface PublicKey {
  readonly type: string;
  readonly blob: Buffer;
  /** As `ssh-keygen -l` prints it. */
  readonly fingerprint: string;
}

/** What a client signed with, taken apart by the protocol. */
export interface SshSignature {
  readonly data: Buffer;
  /** ECDSA as DER; a security key's with flags and counter behind it. */
  readonly bytes: Buffer;
  /** RSA only: sha256 or sha512. */
  readonly hash: string | undefined;
}

const longest = 16 * 1024;
const smallestRsa = 2048;
const curves: Readonly<Record<string, { name: string; size: number; hash: string }>> = {
  'ecdsa-sha2-nistp256': { name: 'P-256', size: 32, hash: 'sha256' },
  'ecdsa-sha2-nistp384': { name: 'P-384', size: 48, hash: 'sha384' },
  'ecdsa-sha2-nistp521': { name: 'P-521', size: 66, hash: 'sha512' },
};
const securityKey = 'sk-ssh-ed25519@openssh.com';
const form = /^([a-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?: [^\0\r\n]*)?$/;

/** Reads one line without options; anything else is `Invalid`, which never repeats what was sent. */
export function publicKeyOf(text: string): PublicKey {
  const line = text.trim();
  const [, type = '', base64 = ''] = (line.length <= longest && form.exec(line)) || [];
  if (!/^(ssh-ed25519|ssh-rsa|ecdsa-sha2-.*|sk-ssh-.*)$/.test(type))
    throw wrong('must be one line such as "ssh-ed25519 AAAA... you@laptop", without options');
  const blob = Buffer.from(base64, 'base64');
  try {
    keyObjectOf(type, blob);
  } catch (error) {
    if (error instanceof Invalid) throw error;
    throw wrong('is not a complete public key of a kind that is supported');
  }
  const hash = createHash('sha256').update(blob).digest('base64').replace(/=+$/, '');
  return { type, blob, fingerprint: `SHA256:${hash}` };
}

/** Whether a signature is this key's. SHA-1 never counts. */
export function isSignedBy(type: string, blob: Buffer, signature: SshSignature): boolean {
  try {
    const key = keyObjectOf(type, blob);
    const { data, bytes, hash } = signature;
    if (type === 'ssh-ed25519') return verify(null, data, key, bytes);
    if (type === 'ssh-rsa') return (hash === 'sha256' || hash === 'sha512') && verify(hash, data, key, bytes);
    if (type === securityKey) return verify(null, touched(blob, data, bytes), key, bytes.subarray(0, 64));
    return verify(curves[type]?.hash ?? null, data, key, bytes);
  } catch {
    return false;
  }
}

/** A new ed25519 pair: the private half as OpenSSH stores it, the public half as one line. */
export function newKeyPair(comment: string): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' });
  const publicBytes = Buffer.from(x, 'base64url');
  const blob = Buffer.concat([sshString('ssh-ed25519'), sshString(publicBytes)]);
  const check = createHash('sha256').update(publicBytes).digest().subarray(0, 4);
  const secret = Buffer.concat([
    ...[check, check, blob],
    sshString(Buffer.concat([Buffer.from(d, 'base64url'), publicBytes])),
    sshString(comment),
  ]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1));
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map((text) => sshString(text)),
    Buffer.from([0, 0, 0, 1]),
    sshString(blob),
    sshString(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString('base64').replace(/.{70}/g, '$&\n').trimEnd();
  const label = 'OPENSSH PRIVATE KEY';
  return {
    privateKey: `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`,
    publicKey: `ssh-ed25519 ${blob.toString('base64')} ${comment}`,
  };
}

/** Throws for a blob that is not whole, or whose numbers are no key. */
function keyObjectOf(type: string, blob: Buffer): KeyObject {
  const bytes = new SshBytes(blob);
  if (bytes.text() !== type) throw wrong('names one kind of key and holds another');
  const jwk = jwkOf(type, bytes);
  bytes.end();
  return createPublicKey({ key: jwk, format: 'jwk' });
}

function jwkOf(type: string, bytes: SshBytes): JsonWebKey {
  const url = (part: Buffer): string => part.toString('base64url');
  if (type === 'ssh-ed25519') return { kty: 'OKP', crv: 'Ed25519', x: url(bytes.take(32)) };
  if (type === 'ssh-rsa') {
    const exponent = bytes.number();
    const modulus = bytes.number();
    if (modulus.length * 8 < smallestRsa) throw wrong(`is too short: RSA needs at least ${smallestRsa} bits`);
    return { kty: 'RSA', e: url(exponent), n: url(modulus) };
  }
  if (type === securityKey) {
    const x = url(bytes.take(32));
    bytes.string(); // the application, part of what is signed
    return { kty: 'OKP', crv: 'Ed25519', x };
  }
  const curve = curves[type];
  if (!curve) throw wrong('is of a kind that is not supported: use ssh-ed25519');
  bytes.string(); // the curve's name again
  const point = bytes.take(1 + 2 * curve.size);
  if (point[0] !== 4) throw wrong('is not a complete public key of a kind that is supported');
  return {
    kty: 'EC',
    crv: curve.name,
    x: url(point.subarray(1, 1 + curve.size)),
    y: url(point.subarray(1 + curve.size)),
  };
}

/** What a security key really signs: hashes, with its own flags and counter. Nobody who only holds the file can. */
function touched(blob: Buffer, data: Buffer, signature: Buffer): Buffer {
  const flagsAndCounter = signature.subarray(64);
  const userPresent = 1;
  if (flagsAndCounter.length !== 5 || ((flagsAndCounter[0] ?? 0) & userPresent) === 0) throw new Error('not touched');
  const bytes = new SshBytes(blob);
  bytes.string();
  bytes.string();
  const sha256 = (part: Buffer): Buffer => createHash('sha256').update(part).digest();
  return Buffer.concat([sha256(bytes.string()), flagsAndCounter, sha256(data)]);
}

const wrong = (why: string): Invalid => new Invalid(`public_key ${why}`, [], 'bad_public_key');
