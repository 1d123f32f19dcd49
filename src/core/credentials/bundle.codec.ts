import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Invalid } from '../errors/domain-error.js';
import { type CredentialFiles, fromBase64 } from './credential-files.js';
import { isObject } from './objects.js';
import type { Secret } from './secret.js';

/** Encrypted credential files, as they lie in `.credentials.enc` and travel between installations. */
export interface Bundle {
  readonly version: 1;
  readonly algorithm: 'AES-256-GCM';
  /** 12 bytes, base64. */
  readonly nonce: string;
  /** Ciphertext with the 16 bytes of its tag behind it, base64. */
  readonly ciphertext: string;
}

const cipherName = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;
/** Marks the archive that can hold binary files; older readers know the plain map of texts only. */
const archiveMark = '__cred_archive_v2__';

/** Seals files. What is text only is written as older readers know it. `key` is 64 hex digits. */
export function sealBundle(files: CredentialFiles, key: Secret): Bundle {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(cipherName, keyOf(key), nonce);
  const plain = Buffer.from(JSON.stringify(archiveOf(files)));
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return {
    version: 1,
    algorithm: 'AES-256-GCM',
    nonce: nonce.toString('base64'),
    ciphertext: ciphertext.toString('base64'),
  };
}

/** Opens a bundle given as its object or its text. Throws `Invalid` for what is no bundle, and for a wrong key. */
export function openBundle(given: unknown, key: Secret): CredentialFiles {
  const { nonce, ciphertext } = partsOf(typeof given === 'string' ? parsed(given) : given);
  return filesOf(parsed(decrypted(nonce, ciphertext, key)));
}

function archiveOf(files: CredentialFiles): Record<string, unknown> {
  const texts: [string, string][] = [];
  const binary: [string, string][] = [];
  for (const [path, content] of files) {
    const text = textOf(content);
    if (text === null) binary.push([path, content.toString('base64')]);
    else texts.push([path, text]);
  }
  const plain = Object.fromEntries(texts);
  return binary.length === 0 ? plain : { [archiveMark]: 1, files: plain, files_b64: Object.fromEntries(binary) };
}

function filesOf(archive: unknown): CredentialFiles {
  if (!isObject(archive)) throw damaged();
  if (!Object.hasOwn(archive, archiveMark)) return new Map(textsOf(archive, (text) => Buffer.from(text)));
  if (archive[archiveMark] !== 1) throw refused('The bundle was made by a newer version');
  const { files = {}, files_b64: binary = {} } = archive;
  const all = [
    ...textsOf(files, (text) => Buffer.from(text)),
    ...textsOf(binary, (text) => fromBase64(text) ?? damage()),
  ];
  const byPath = new Map(all);
  if (byPath.size !== all.length) throw damaged();
  return byPath;
}

function textsOf(map: unknown, bytesOf: (text: string) => Buffer): [string, Buffer][] {
  if (!isObject(map)) throw damaged();
  return Object.entries(map).map(([path, text]) => {
    if (typeof text !== 'string') throw damaged();
    return [path, bytesOf(text)];
  });
}

function partsOf(bundle: unknown): { nonce: Buffer; ciphertext: Buffer } {
  if (!isObject(bundle)) throw damaged();
  const { version, algorithm, nonce, ciphertext } = bundle;
  if (version !== 1 || algorithm !== 'AES-256-GCM') {
    throw refused('The bundle is of a kind this server does not know (version 1 with AES-256-GCM is known)');
  }
  const parts = {
    nonce: (typeof nonce === 'string' && fromBase64(nonce)) || damage(),
    ciphertext: (typeof ciphertext === 'string' && fromBase64(ciphertext)) || damage(),
  };
  if (parts.nonce.length !== nonceBytes || parts.ciphertext.length < tagBytes) throw damaged();
  return parts;
}

function decrypted(nonce: Buffer, ciphertext: Buffer, key: Secret): string {
  const end = ciphertext.length - tagBytes;
  try {
    const decipher = createDecipheriv(cipherName, keyOf(key), nonce);
    decipher.setAuthTag(ciphertext.subarray(end));
    const plain = Buffer.concat([decipher.update(ciphertext.subarray(0, end)), decipher.final()]);
    return plain.toString('utf8');
  } catch {
    // A wrong key and changed bytes look the same, by design of the cipher.
    throw refused('The bundle cannot be decrypted: it was made with another key, or it is damaged');
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw damaged();
  }
}

function textOf(content: Buffer): string | null {
  const text = content.toString('utf8');
  return Buffer.from(text).equals(content) ? text : null;
}

const keyOf = (key: Secret): Buffer => Buffer.from(key.reveal(), 'hex');
const refused = (message: string): Invalid => new Invalid(message, [], 'bundle_refused');
const damaged = (): Invalid => refused('This is no credentials bundle, or it is damaged');
function damage(): never {
  throw damaged();
}
