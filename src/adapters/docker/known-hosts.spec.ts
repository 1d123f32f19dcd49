import { createHmac, randomBytes } from 'node:crypto';
import { lookUpHostKey } from './known-hosts.js';

/** A public key as it goes over the wire: its type's name, then its bytes. */
function keyOf(type: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), randomBytes(36)]);
}

const key = keyOf('ssh-ed25519');
const line = (host: string, of = key, type = 'ssh-ed25519') => `${host} ${type} ${of.toString('base64')} somebody\n`;
const hashed = (host: string): string => {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(host).digest('base64')}`;
};

describe('known hosts', () => {
  it.each([
    ['a plain name', line('engine'), 22, 'known'],
    ['one of several names', line('other,engine'), 22, 'known'],
    ['a hashed name', line(hashed('engine')), 22, 'known'],
    ['a name with a port', line('[engine]:2200'), 2200, 'known'],
    ['a hashed name with a port', line(hashed('[engine]:2200')), 2200, 'known'],
    ['another port', line('engine'), 2200, 'unknown'],
    ['another name', line('engines'), 22, 'unknown'],
    ['another key', line('engine', keyOf('ssh-ed25519')), 22, 'other'],
    ['a key of another type', line('engine', keyOf('ssh-rsa'), 'ssh-rsa'), 22, 'unknown'],
    ['another key and then the right one', line('engine', keyOf('ssh-ed25519')) + line('engine'), 22, 'known'],
    ['a comment', `# ${line('engine')}`, 22, 'unknown'],
    ['a revoked key', `@revoked ${line('engine')}`, 22, 'unknown'],
    ['nothing', '', 22, 'unknown'],
  ])('%s: %s', (_, file, port, expected) => {
    expect(lookUpHostKey(file, 'engine', port, key)).toBe(expected);
  });
});
