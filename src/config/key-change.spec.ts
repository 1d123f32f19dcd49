import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from './environment.js';
import { loadKeyChange } from './key-change.js';

describe('reading the settings of a key change', () => {
  let dir: string;
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'flotilla-key-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const env = (more: Record<string, string> = {}): NodeJS.ProcessEnv => ({ FLOTILLA_DATA_DIR: dir, ...more });
  const file = (name: string): string => readFileSync(join(dir, name), 'utf8').trim();

  it('makes the next key once, keeps the old one, and keeps bundles readable', () => {
    const before = loadConfig(env());
    const cut = loadKeyChange(env());
    expect(file('master.key')).toBe(before.masterKey.reveal());
    const change = loadKeyChange(env());
    expect(change.next.reveal()).toBe(cut.next.reveal());
    expect(change.finish().join()).toContain('master.key.old');
    const after = loadConfig(env());
    expect(after.masterKey.reveal()).toBe(change.next.reveal());
    expect(after.credentialKey?.reveal()).toBe(before.credentialKey?.reveal());
    expect(file('master.key.old')).toBe(before.masterKey.reveal());
    expect(existsSync(join(dir, 'master.key.next'))).toBe(false);
    for (const name of ['master.key', 'master.key.old', 'credential.key']) {
      expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    }
    loadKeyChange(env()).finish();
    expect(loadConfig(env()).credentialKey?.reveal()).toBe(before.credentialKey?.reveal());
  });

  it('takes the next key of the environment, and needs it where the old one comes from there', () => {
    const keyOf = (text: string): string => createHash('sha256').update(text).digest('hex');
    const [old, next] = [keyOf('old'), keyOf('next')];
    expect(() => loadKeyChange(env({ FLOTILLA_MASTER_KEY: old }))).toThrow('FLOTILLA_NEW_MASTER_KEY must be set too');
    expect(() => loadKeyChange(env({ FLOTILLA_MASTER_KEY: old, FLOTILLA_NEW_MASTER_KEY: old }))).toThrow('the old one');
    expect(() => loadKeyChange(env({ FLOTILLA_NEW_MASTER_KEY: 'short' }))).toThrow('must be 32 bytes');
    const change = loadKeyChange(env({ FLOTILLA_MASTER_KEY: old, FLOTILLA_NEW_MASTER_KEY: next }));
    expect(change.next.reveal()).toBe(next);
    expect(change.finish()[0]).toBe('Start every server with FLOTILLA_MASTER_KEY set to the new key.');
    expect(loadKeyChange(env({ FLOTILLA_NEW_MASTER_KEY: next })).next.reveal()).toBe(next);
    expect(() => loadKeyChange(env({ FLOTILLA_NEW_MASTER_KEY: keyOf('other') }))).toThrow('remove one of the two');
  });

  it('leaves a key that can be guessed, and changes to none', () => {
    const [guessable, next] = ['0'.repeat(64), createHash('sha256').update('next').digest('hex')];
    const change = loadKeyChange(env({ FLOTILLA_MASTER_KEY: guessable, FLOTILLA_NEW_MASTER_KEY: next }));
    expect([change.config.masterKey.reveal(), change.next.reveal()]).toEqual([guessable, next]);
    expect(() => loadKeyChange(env({ FLOTILLA_MASTER_KEY: next, FLOTILLA_NEW_MASTER_KEY: guessable }))).toThrow(
      'FLOTILLA_NEW_MASTER_KEY can be guessed',
    );
    expect(() => loadKeyChange(env({ FLOTILLA_MASTER_KEY: guessable }))).toThrow('script/rotate-master-key');
  });

  it('keeps nothing where bundles have a key of their own', () => {
    loadKeyChange(env({ CREDENTIAL_ENCRYPTION_KEY: 'd'.repeat(64) })).finish();
    expect(existsSync(join(dir, 'credential.key'))).toBe(false);
  });
});
