import { randomBytes, randomUUID } from 'node:crypto';
import { Secret } from '../credentials/secret.js';
import { capabilityOf, idIn } from './capability.js';

const key = new Secret(randomBytes(32).toString('hex'));

describe('capabilities', () => {
  it('lead back to what they were made for, each time the same', () => {
    const id = randomUUID();
    const capability = capabilityOf(key, 'session', id);
    expect(capability).toMatch(/^[\w-]{48}$/);
    expect(capabilityOf(key, 'session', id)).toBe(capability);
    expect(idIn(key, 'session', capability)).toBe(id);
  });

  it('open nothing else: not as another target, not under another key, not with any character changed', () => {
    const id = randomUUID();
    const capability = capabilityOf(key, 'session', id);
    expect(idIn(key, 'agent', capability)).toBeNull();
    expect(idIn(new Secret(randomBytes(32).toString('hex')), 'session', capability)).toBeNull();
    for (let place = 0; place < capability.length; place += 1) {
      const other = capability[place] === 'A' ? 'B' : 'A';
      expect(idIn(key, 'session', capability.slice(0, place) + other + capability.slice(place + 1))).toBeNull();
    }
  });

  it('share nothing beside the id between an agent and a session, nor between two sessions', () => {
    const id = randomUUID();
    const proofs = [
      capabilityOf(key, 'agent', id).slice(22),
      capabilityOf(key, 'session', id).slice(22),
      capabilityOf(key, 'session', randomUUID()).slice(22),
    ];
    expect(new Set(proofs).size).toBe(3);
  });

  it.each(['', 'x', 'A'.repeat(47), 'A'.repeat(48), 'A'.repeat(49), '../'.repeat(16), 'é'.repeat(48), '\0'.repeat(48)])(
    'are none where somebody made one up: %j',
    (text) => {
      expect(idIn(key, 'session', text)).toBeNull();
    },
  );

  it('cannot be made for what is no id', () => {
    expect(() => capabilityOf(key, 'agent', 'hello')).toThrow('UUID');
  });
});
