import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { EngineError } from '../../core/instances/engine.errors.js';
import type { HomeLayout, InstanceSpec, Limits, Place } from '../../core/instances/engine.port.js';
import { memberships } from './processes.js';

/** What is remembered of one instance. It lies in its folder, so that a new control plane finds it again. No secrets. */
export interface InstanceState {
  readonly instanceId: string;
  readonly ref: string;
  readonly name: string;
  readonly runtime: string;
  readonly image: string;
  readonly env: Readonly<Record<string, string>>;
  readonly limits: Limits;
  /** Missing in what an earlier version wrote. */
  readonly layout?: HomeLayout;
  /** User its processes run as; null: ours. */
  readonly uid: number | null;
  /** The last run; null before the first start. */
  readonly run: {
    readonly pid: number;
    /** Start time of the process in ticks, and the machine's boot id: together they tell it from a later one. */
    readonly started: string;
    readonly machineBoot: string;
    readonly startedAt: string;
    readonly finishedAt: string | null;
    readonly exitCode: number | null;
  } | null;
}

const firstUid = 20_000;
const lastUid = 59_999;

/** The folders `<dataDir>/local/<instanceId>/{home,run,log,tmp,state.json}`. */
export class InstanceStore {
  constructor(readonly folder: string) {}

  ids(): string[] {
    if (!existsSync(this.folder)) return [];
    return readdirSync(this.folder, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? [one.name] : []));
  }

  all(): InstanceState[] {
    return this.ids().flatMap((id) => this.find(id) ?? []);
  }

  find(instanceId: string): InstanceState | null {
    try {
      return JSON.parse(readFileSync(this.path(instanceId, 'state.json'), 'utf8')) as InstanceState;
    } catch {
      return null;
    }
  }

  findRef(ref: string): InstanceState | null {
    const found = this.find(instanceIdOf(ref));
    return found?.ref === ref ? found : null;
  }

  /** By ref; throws EngineError `not_found`. */
  get(ref: string): InstanceState {
    const found = this.findRef(ref);
    if (!found) throw new EngineError('not_found', `there is no instance ${ref}`);
    return found;
  }

  save(state: InstanceState): void {
    this.writeFile(this.path(state.instanceId, 'state.json'), JSON.stringify(state, null, 2));
  }

  /** Makes folders and state. Volumes that were kept are taken over with their user. */
  create(spec: InstanceSpec, image: string, ownUser: boolean): InstanceState {
    const { instanceId, containerName: name, runtime, env, limits, layout } = spec;
    const kept = existsSync(this.path(instanceId, 'home')) ? statSync(this.path(instanceId, 'home')).uid : null;
    const fresh = !existsSync(this.path(instanceId));
    const uid = ownUser ? kept || this.nextUid() : null;
    const ref = `${instanceId}~${randomBytes(4).toString('hex')}`;
    const state: InstanceState = { instanceId, ref, name, runtime, image, env, limits, layout, uid, run: null };
    try {
      // Every parent must be passable for the agent's user; what is not the agent's is closed by its own mode.
      this.makeFolder(this.path(instanceId), 0o711, null);
      this.makeFolder(this.path(instanceId, 'run'), 0o700, null);
      this.makeFolder(this.path(instanceId, 'log'), 0o700, null);
      this.makeFolder(this.path(instanceId, 'home'), 0o700, uid);
      this.makeFolder(this.path(instanceId, 'tmp'), 0o700, uid);
      this.save(state);
    } catch (error) {
      if (fresh) rmSync(this.path(instanceId), { recursive: true, force: true });
      throw fileError(error);
    }
    return state;
  }

  /** Removes everything, or all but the places. */
  remove(instanceId: string, volumes: boolean): void {
    if (volumes) {
      rmSync(this.path(instanceId), { recursive: true, force: true, maxRetries: 5 });
      return;
    }
    for (const name of ['state.json', 'exit', 'log', 'tmp']) {
      rmSync(this.path(instanceId, name), { recursive: true, force: true });
    }
  }

  place(ref: string, place: Place): string {
    return this.path(instanceIdOf(ref), place);
  }

  path(instanceId: string, ...names: string[]): string {
    if (!/^[\w.-]+$/.test(instanceId) || instanceId.startsWith('.')) {
      throw new EngineError('refused', 'an instance id may hold letters, digits, dots and dashes only');
    }
    return join(this.folder, instanceId, ...names);
  }

  /** Exit code that the wrapper left behind; null when it could not. */
  exitCode(instanceId: string): number | null {
    try {
      return Number(readFileSync(this.path(instanceId, 'exit'), 'utf8').trim());
    } catch {
      return null;
    }
  }

  /** A user id that no instance has and under which nothing runs. Where counting begins is random: installations differ. */
  private nextUid(): number {
    const file = join(this.folder, 'uids.json');
    const used = new Set([...this.all().map((one) => one.uid), ...memberships().map((one) => one.uid)]);
    const last = existsSync(file)
      ? Number(readFileSync(file, 'utf8'))
      : firstUid + (randomBytes(2).readUInt16BE() % 30_000);
    let uid = last;
    do uid = uid >= lastUid ? firstUid : uid + 1;
    while (used.has(uid) && uid !== last);
    this.writeFile(file, String(uid));
    return uid;
  }

  private makeFolder(path: string, mode: number, uid: number | null): void {
    mkdirSync(path, { recursive: true });
    chmodSync(path, mode);
    if (uid !== null) chownSync(path, uid, uid);
  }

  private writeFile(path: string, text: string): void {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

function instanceIdOf(ref: string): string {
  return ref.slice(0, ref.lastIndexOf('~'));
}

/** A failed file operation as the engine's error. */
export function fileError(error: unknown): Error {
  if (error instanceof EngineError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (code === 'ENOSPC' || code === 'EDQUOT') return new EngineError('disk_full', 'the disk is full', { cause: error });
  return new EngineError('refused', `the data folder cannot be written (${code})`, { cause: error });
}
