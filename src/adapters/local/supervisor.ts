import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { EngineError } from '../../core/instances/engine.errors.js';
import type { EventLog } from './event-log.js';
import type { InstanceState, InstanceStore } from './instance-store.js';
import { rotateLog } from './log-file.js';
import { isAlive, machineBoot, memberships, processInfo, signal } from './processes.js';

const entry = join(__dirname, '../../../docker/agent/flotilla-entry.sh');
/** Stays beside the main process and notes how it ended, for a control plane that was not there to see it. */
const wrapper = '"$@"; echo $? >exit.new && mv exit.new exit';
const killed = 137;
const pollMs = 20;

type Run = NonNullable<InstanceState['run']>;

/** Starts and ends the processes of instances, and notices when they ended by themselves. */
export class Supervisor {
  private retired = false;
  /** Runs whose end nobody tells us: an earlier control plane started them. By instance. */
  private readonly foreign = new Map<string, Run>();
  /** When each of our children was started. By instance. */
  private readonly own = new Map<string, string>();

  constructor(
    private readonly installId: string,
    private readonly store: InstanceStore,
    private readonly log: EventLog,
  ) {}

  /** Value of FLOTILLA_INSTANCE in the environment of every process of an instance. */
  owner(instanceId: string): string {
    return `${this.installId}/${instanceId}`;
  }

  isRunning({ run }: InstanceState): boolean {
    return run !== null && isRunning(run);
  }

  async start(state: InstanceState, env: Record<string, string>): Promise<InstanceState> {
    const { instanceId } = state;
    this.killAll(state);
    rmSync(this.store.path(instanceId, 'exit'), { force: true });
    const logFile = this.store.path(instanceId, 'log', 'output.log');
    await rotateLog(logFile);
    const log = openSync(logFile, 'a', 0o600);
    const user = state.uid === null ? '-' : String(state.uid);
    const command = [entry, this.store.path(instanceId, 'run'), user];
    const child = spawn('/bin/sh', ['-c', wrapper, 'flotilla', '/bin/sh', ...command], {
      cwd: this.store.path(instanceId),
      env,
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const [error] = (await Promise.race([once(child, 'spawn'), once(child, 'error')])) as [Error?];
    if (error || !child.pid) throw new EngineError('refused', 'the instance cannot be started', { cause: error });
    child.unref();
    const run = {
      pid: child.pid,
      started: processInfo(child.pid)?.started ?? '',
      machineBoot: machineBoot(),
      startedAt: new Date(Math.max(Date.now(), Date.parse(state.run?.startedAt ?? '') + 1 || 0)).toISOString(),
      finishedAt: null,
      exitCode: null,
    };
    const running = { ...state, run };
    this.store.save(running);
    this.log.add(state, 'start');
    this.foreign.delete(instanceId);
    this.own.set(instanceId, run.startedAt);
    child.once('exit', () => {
      if (this.own.get(instanceId) === run.startedAt) this.own.delete(instanceId);
      this.foreign.set(instanceId, run); // until its end is written down: the disk may be full
      const now = this.retired ? null : this.store.find(instanceId);
      if (now?.run?.startedAt === run.startedAt) this.settle(now);
    });
    return running;
  }

  /** What runs and is no child of ours has to be looked for from now on. */
  watch({ instanceId, run }: InstanceState): void {
    if (run?.finishedAt === null && this.own.get(instanceId) !== run.startedAt) this.foreign.set(instanceId, run);
  }

  forget(instanceId: string): void {
    this.foreign.delete(instanceId);
  }

  /** Instances that ended without a word to us. Children tell their end themselves. */
  ended(): string[] {
    return [...this.foreign].filter(([, run]) => !isRunning(run)).map(([instanceId]) => instanceId);
  }

  /** From now on somebody else looks after the processes. */
  retire(): void {
    this.retired = true;
  }

  /** Asks the main process to end, and kills everything when it does not within the grace. */
  async stop(state: InstanceState, graceMs: number): Promise<InstanceState> {
    const end = Date.now() + graceMs;
    let asked = false;
    while (this.isRunning(state) && Date.now() < end) {
      // Right after the start the wrapper may not have a child yet.
      asked ||= this.mainProcesses(state).filter((pid) => signal(pid, 'SIGTERM')).length > 0;
      await pause(pollMs);
    }
    return this.kill(state);
  }

  async kill(state: InstanceState): Promise<InstanceState> {
    const wrapperPid = state.run?.pid ?? 0;
    // The wrapper goes last: it writes down how the main process ended. Right after the start it may not have one yet.
    for (let left = 100; left > 0 && this.isRunning(state); left -= 1) {
      this.killAll(state, wrapperPid);
      await pause(pollMs);
    }
    for (let left = 100; left > 0 && this.killAll(state) > 0; left -= 1) await pause(pollMs);
    return this.settle(this.store.find(state.instanceId) ?? state);
  }

  /** Writes down an end that was not yet noticed. Without its main process an instance has no others either. */
  settle(state: InstanceState): InstanceState {
    const { run } = state;
    if (run?.finishedAt !== null || this.isRunning(state)) return state;
    this.killAll(state);
    const exitCode = this.store.exitCode(state.instanceId) ?? killed;
    const settled = { ...state, run: { ...run, finishedAt: new Date().toISOString(), exitCode } };
    try {
      this.store.save(settled);
      this.log.add(state, 'die', exitCode);
      this.foreign.delete(state.instanceId);
    } catch {
      return settled; // the disk is full: whoever looks next tries again
    }
    return settled;
  }

  /** Kills the live processes of an instance but one, and says how many there were. */
  killAll(state: InstanceState, spare = 0): number {
    const mine = this.members(state).filter((pid) => pid !== spare);
    for (const pid of mine) signal(pid, 'SIGKILL');
    return mine.length;
  }

  /** By the mark in their environment; by their user when they have wiped it. */
  members(state: InstanceState, all = memberships()): number[] {
    const owner = this.owner(state.instanceId);
    const wiped = (uid: number): boolean => state.uid !== null && uid === state.uid;
    return all
      .filter((one) => one.pid !== process.pid)
      .filter((one) => one.owner === owner || (one.owner === null && wiped(one.uid)))
      .map((one) => one.pid);
  }

  private mainProcesses(state: InstanceState): number[] {
    return this.members(state).filter((pid) => processInfo(pid)?.parent === state.run?.pid);
  }
}

function isRunning(run: Run): boolean {
  return run.finishedAt === null && run.machineBoot === machineBoot() && isAlive(run.pid, run.started);
}
