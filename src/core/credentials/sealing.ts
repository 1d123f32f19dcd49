import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { Secret } from './secret.js';

const nonceBytes = 12;
const tagBytes = 16;
const form = /^(?:v1|v2\.([A-Za-z0-9_-]{8}))\.([A-Za-z0-9_-]+)$/;

/**
 * Seals texts for storage: AES-256-GCM under a key derived from the master key, a nonce of its own each time. The record's
 * id is part of the seal, so that a value moved to another record cannot be opened. What is stored names the key it was
 * sealed with: `v2.<key id>.<nonce, ciphertext and tag>`; older values (`v1.`) name none.
 */
export class Sealing {
  private readonly key: Buffer;
  /** Tells keys apart, and tells nothing about them. */
  readonly keyId: string;

  constructor(masterKey: Secret, purpose: string) {
    this.key = Buffer.from(hkdfSync('sha256', masterKey.reveal(), '', `flotilla/${purpose}/v1`, 32));
    this.keyId = createHash('sha256').update('flotilla key id').update(this.key).digest('base64url').slice(0, 8);
  }

  seal(record: string, text: string): string {
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv('aes-256-gcm', this.key, nonce).setAAD(Buffer.from(record));
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return `v2.${this.keyId}.${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url')}`;
  }

  /** Throws when it was sealed for another record, with another key, or changed since. */
  open(record: string, sealed: string): string {
    const [, keyId, payload = ''] = form.exec(sealed) ?? [];
    const bytes = Buffer.from(payload, 'base64url');
    if (bytes.length < nonceBytes + tagBytes) throw new Error('this is no sealed value');
    if (keyId !== undefined && keyId !== this.keyId) throw new Error('this value was sealed with another key');
    const cipher = createDecipheriv('aes-256-gcm', this.key, bytes.subarray(0, nonceBytes)).setAAD(Buffer.from(record));
    cipher.setAuthTag(bytes.subarray(-tagBytes));
    return cipher.update(bytes.subarray(nonceBytes, -tagBytes)).toString('utf8') + cipher.final('utf8');
  }
}
