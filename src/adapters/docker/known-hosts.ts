import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * Does a known_hosts file list this key for this host? `key` is the raw public key the server showed.
 * `other` means the host is listed with another key of the same type: somebody may be in between.
 */
export function lookUpHostKey(file: string, host: string, port: number, key: Buffer): 'known' | 'unknown' | 'other' {
  const name = port === 22 ? host : `[${host}]:${port}`;
  let answer: 'unknown' | 'other' = 'unknown';
  for (const line of file.split('\n')) {
    const fields = line.trim().split(/\s+/);
    const [hosts, type, encoded] = fields;
    if (!hosts || !type || !encoded || hosts.startsWith('#') || hosts.startsWith('@')) continue;
    if (!hosts.split(',').some((pattern) => matches(pattern, name))) continue;
    const listed = Buffer.from(encoded, 'base64');
    if (listed.length === key.length && timingSafeEqual(listed, key)) return 'known';
    if (type === typeOf(key)) answer = 'other';
  }
  return answer;
}

/** The algorithm's name stands first in the key itself, length-prefixed. */
function typeOf(key: Buffer): string {
  return key.length < 4 ? '' : key.subarray(4, 4 + key.readUInt32BE(0)).toString('latin1');
}

function matches(pattern: string, name: string): boolean {
  if (!pattern.startsWith('|1|')) return pattern === name;
  const [, , salt, hash] = pattern.split('|');
  if (!salt || !hash) return false;
  const digest = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  const listed = Buffer.from(hash, 'base64');
  return listed.length === digest.length && timingSafeEqual(listed, digest);
}
