import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { Invalid, NotFound } from '../../core/errors/domain-error.js';
import { Settings } from '../../core/settings/settings.service.js';

export interface StoredSetting {
  readonly key: string;
  readonly value: string;
  readonly updatedAt: Date;
}

interface OpsSetting {
  readonly default: string;
  readonly description: string;
}

const sshAccess = 'ssh_access_enabled';

/** What clients may find under `ops/config`. The server itself acts on `ssh_access_enabled` only. */
const opsSettings = (ssh: boolean): Readonly<Record<string, OpsSetting>> => ({
  ops_context_warning_threshold: {
    default: '75',
    description: 'Percentage of a context window from which clients show a warning.',
  },
  ops_context_critical_threshold: {
    default: '90',
    description: 'Percentage of a context window from which clients show an alarm.',
  },
  [sshAccess]: {
    default: String(ssh),
    description: 'Whether owners may open SSH access to their agents. Access that is open stays until it expires.',
  },
});

// Clients choose their keys freely: apart from ours, so that none of them reaches what the server keeps for itself.
const place = 'trinity.';
const keyForm = /^[A-Za-z0-9_.-]{1,100}$/;
// Paths of their own below /api/settings: never a key, whether that path is offered or not.
const reserved: ReadonlySet<string> = new Set(['ops', 'email-whitelist']);

/** The settings that clients of this API keep on the server: texts by key. */
@Injectable()
export class TrinitySettings {
  /** What `ops/config` offers, with defaults. */
  readonly offered: Readonly<Record<string, OpsSetting>>;

  constructor(
    private readonly settings: Settings,
    config: Config,
  ) {
    this.offered = opsSettings(config.trinity.sshAccess);
  }

  /** May owners open SSH access? */
  async sshAccess(): Promise<boolean> {
    const value = (await this.ops()).get(sshAccess) ?? this.offered[sshAccess]?.default;
    return value?.trim().toLowerCase() === 'true';
  }

  async get(key: string): Promise<StoredSetting> {
    if (reserved.has(key)) throw new NotFound('route', key);
    const found = keyForm.test(key) ? await this.settings.find(place + key) : null;
    if (typeof found?.value !== 'string') throw new NotFound('setting', key);
    return { key, value: found.value, updatedAt: found.updatedAt };
  }

  async set(key: string, value: string): Promise<StoredSetting> {
    if (reserved.has(key)) throw new NotFound('route', key);
    if (!keyForm.test(key)) {
      throw new Invalid(
        'A setting name is 1 to 100 letters, digits, dots, underscores or hyphens',
        [],
        'bad_setting_name',
      );
    }
    await this.settings.set(place + key, value);
    return this.get(key);
  }

  /** Says whether there was one. */
  async delete(key: string): Promise<boolean> {
    if (reserved.has(key)) throw new NotFound('route', key);
    return keyForm.test(key) && (await this.settings.delete(place + key));
  }

  /** Values of all ops settings that were changed. */
  async ops(): Promise<ReadonlyMap<string, string>> {
    const stored = await this.settings.list(place);
    return new Map(
      Object.keys(this.offered).flatMap((key) => {
        const value = stored.get(place + key);
        return typeof value === 'string' ? [[key, value] as const] : [];
      }),
    );
  }

  /** @throws Invalid a value is no text; then nothing is changed */
  async setOps(values: Readonly<Record<string, unknown>>): Promise<{ updated: string[]; ignored: string[] }> {
    const updated = Object.keys(values).filter((key) => Object.hasOwn(this.offered, key));
    const texts = updated.map((key) => [key, textOf(key, values[key])] as const);
    for (const [key, text] of texts) await this.set(key, text);
    return { updated, ignored: Object.keys(values).filter((key) => !updated.includes(key)) };
  }
}

function textOf(key: string, value: unknown): string {
  if (typeof value === 'string' && value.length <= 1000 && !value.includes('\0')) return value;
  throw new Invalid(`${key} must be a text`, [], 'bad_setting_value');
}
