import { existsSync, linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../core/credentials/secret.js';
import type { Config } from './config.js';
import { ConfigError } from './config-error.js';
import { loadConfig } from './environment.js';
import { credentialKeyFile, derivedKey, keyFile, masterKeyFrom, nextKeyFile, parseMasterKey } from './master-key.js';

/** A change of the master key: where it comes from, and what is done once everything is sealed under the new one. */
export interface KeyChange {
  readonly config: Config;
  readonly next: Secret;
  /** Puts the new key in the old one's place where that is ours to do. Answers what the operator has to do, in sentences. */
  finish(): readonly string[];
}

/**
 * Reads the settings of a key change. A key that lies in the data folder is followed by a new one, made here unless
 * `FLOTILLA_NEW_MASTER_KEY` gives it; a key given by `FLOTILLA_MASTER_KEY` always needs the new one to be given. May be
 * repeated after an interruption. Throws `ConfigError`.
 */
export function loadKeyChange(env: NodeJS.ProcessEnv = process.env): KeyChange {
  const config = loadConfig(env);
  const { dataDir } = config;
  const given = env.FLOTILLA_NEW_MASTER_KEY?.trim() ? parseMasterKey(env.FLOTILLA_NEW_MASTER_KEY.trim()) : null;
  const bundles = keepCredentialKey(env, config);
  if (env.FLOTILLA_MASTER_KEY?.trim()) {
    if (given === null) {
      throw new ConfigError([
        'FLOTILLA_MASTER_KEY is set, so FLOTILLA_NEW_MASTER_KEY must be set too (openssl rand -hex 32 makes one).',
      ]);
    }
    const finish = (): string[] => ['Start every server with FLOTILLA_MASTER_KEY set to the new key.', ...bundles];
    return { config, next: different(config, given), finish };
  }
  const draft = join(dataDir, nextKeyFile);
  if (given !== null && !existsSync(draft))
    writeFileSync(draft, `${given}\n`, { mode: 0o600, flag: 'wx', flush: true });
  const next = masterKeyFrom(dataDir, nextKeyFile);
  if (given !== null && next !== given) {
    throw new ConfigError([`${draft} holds another key than FLOTILLA_NEW_MASTER_KEY: remove one of the two.`]);
  }
  return {
    config,
    next: different(config, next),
    finish: () => {
      const [file, old] = [join(dataDir, keyFile), join(dataDir, `${keyFile}.old`)];
      rmSync(old, { force: true });
      linkSync(file, old);
      renameSync(draft, file);
      return [`${file} holds the new key. The old one is in ${old}: backups need it; remove it with them.`, ...bundles];
    },
  };
}

function different(config: Config, next: string): Secret {
  if (config.masterKey.reveal() !== next) return new Secret(next);
  throw new ConfigError(['The new master key is the old one: give another one.']);
}

/** Bundles outlive the key they were derived from: theirs is kept beside it. */
function keepCredentialKey(env: NodeJS.ProcessEnv, { dataDir, masterKey }: Config): readonly string[] {
  const file = join(dataDir, credentialKeyFile);
  if (env.CREDENTIAL_ENCRYPTION_KEY?.trim()) return [];
  if (!existsSync(file)) {
    const key = derivedKey(masterKey.reveal(), 'credential bundles');
    writeFileSync(file, `${key}\n`, { mode: 0o600, flag: 'wx', flush: true });
  }
  return [`${file} keeps the key of credential bundles: give it to every server that has a data folder of its own.`];
}
