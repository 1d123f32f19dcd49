import { hkdfSync, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './config-error.js';

export const keyFile = 'master.key';
/** The key that a change in progress leads to. */
export const nextKeyFile = 'master.key.next';
/** Key of credential bundles, once it follows from the master key no more. */
export const credentialKeyFile = 'credential.key';

const hex = /^[0-9a-fA-F]{64}$/;
const base64 = /^[A-Za-z0-9+/_-]{43}=?$/;

/** 32 bytes written as 64 hex digits or as base64, given back as lower-case hex; null when it is neither. */
export function parseMasterKey(text: string): string | null {
  if (hex.test(text)) return text.toLowerCase();
  if (!base64.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === 32 ? bytes.toString('hex') : null;
}

/** Of 32 bytes drawn by chance at least 16 differ, but for once in more than 10^15 times: fewer, and a person has typed it. */
const fewestDistinct = 16;

/** Zeros, one pattern over and over: somebody may guess it. */
const isGuessable = (key: string): boolean => new Set(Buffer.from(key, 'hex')).size < fewestDistinct;

/** What is wrong with the key that seals everything, if a person thought it up. One that is being left may be such. */
export function guessableKey(env: NodeJS.ProcessEnv): string[] {
  const name = env.FLOTILLA_NEW_MASTER_KEY ? 'FLOTILLA_NEW_MASTER_KEY' : 'FLOTILLA_MASTER_KEY';
  const key = parseMasterKey(env[name] ?? '');
  if (key === null || !isGuessable(key)) return [];
  return [
    `${name} can be guessed: openssl rand -hex 32 makes one that cannot, and script/rotate-master-key changes to it.`,
  ];
}

/** A key for one purpose, 64 hex digits: it tells nothing about the master key or the other ones. */
export function derivedKey(masterKey: string, purpose: string): string {
  const bytes = hkdfSync('sha256', Buffer.from(masterKey, 'hex'), Buffer.alloc(0), `flotilla: ${purpose}`, 32);
  return Buffer.from(bytes).toString('hex');
}

/** Reads `<dataDir>/master.key`, or makes it on the first start (mode 0600). Throws `ConfigError`. */
export function masterKeyFrom(dataDir: string, name = keyFile): string {
  const file = join(dataDir, name);
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const found = read(file);
    if (found !== null) return parsed(found, file);
    create(file);
    return parsed(read(file) ?? '', file);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new ConfigError([
      `The data folder ${dataDir} cannot be used for the master key (${code ?? 'unknown error'}).`,
    ]);
  }
}

/** The key of credential bundles that a change of the master key left in the data folder; null when there was none. */
export function credentialKeyFrom(dataDir: string): string | null {
  const file = join(dataDir, credentialKeyFile);
  const found = read(file)?.trim();
  if (found === undefined) return null;
  if (hex.test(found)) return found.toLowerCase();
  throw new ConfigError([`${file} does not hold 64 hex digits: put the right file back.`]);
}

function parsed(content: string, file: string): string {
  const key = parseMasterKey(content.trim());
  if (key) return key;
  throw new ConfigError([
    `${file} does not hold a master key (64 hex digits, or base64 of 32 bytes): put the right file back, because secrets stored with the old key cannot be read with a new one.`,
  ]);
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Complete or absent, also after a crash, and never two different keys for two processes starting at once. */
function create(file: string): void {
  const draft = `${file}.${process.pid}-${randomBytes(4).toString('hex')}`;
  const fd = openSync(draft, 'wx', 0o600);
  try {
    writeSync(fd, `${randomBytes(32).toString('hex')}\n`);
    fsyncSync(fd);
    chmodSync(draft, 0o600);
    linkSync(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    closeSync(fd);
    rmSync(draft, { force: true });
  }
}
