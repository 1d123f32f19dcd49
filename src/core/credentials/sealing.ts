import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Secret } from './secret.js';

const nonceBytes = 12;
const tagBytes = 16;

/**
 * Seals texts for storage: AES-256-GCM under a key derived from the master key, a nonce of its own each time. The record's
 * id is part of the seal, so that a value moved to another record cannot be opened.
 */
export class Sealing {
  private readonly key: Buffer;

  constructor(masterKey: Secret, purpose: string) {
    this.key = Buffer.from(hkdfSync('sha256', masterKey.reveal(), '', `flotilla/${purpose}/v1`, 32));
  }

  seal(record: string, text: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(record));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return `v1.${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url')}`;
  }

  /** Throws when it was sealed for another record, with another key, or changed since. */
  open(record: string, sealed: string): string {
    const bytes = Buffer.from(sealed.replace(/^v1\./, ''), 'base64url');
    if (!sealed.startsWith('v1.') || bytes.length < nonceBytes + tagBytes) throw new Error('this is no sealed value');
    const cipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, nonceBytes)).setAAD(Buffer.from(record));
    cipher.setAuthTag(bytes.subarray(-tagBytes));
    return cipher.update(bytes.subarray(nonceBytes, -tagBytes)).toString('utf8') + cipher.final('utf8');
  }
}
