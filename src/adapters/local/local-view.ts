import { availableParallelism, totalmem } from 'node:os';
import { type EngineInstance, plainHome, type StatsSample } from '../../core/instances/engine.port.js';
import type { InstanceState } from './instance-store.js';
import { memoryOf, processInfo } from './processes.js';

/** An instance as the port tells it. */
export function view(state: InstanceState): EngineInstance {
  const { instanceId, ref, name, image, limits, run } = state;
  const phase = run === null ? 'created' : run.finishedAt === null ? 'running' : 'exited';
  const times = { startedAt: run?.startedAt ?? null, finishedAt: run?.finishedAt ?? null };
  const made = { image, limits, layout: state.layout ?? plainHome };
  return { instanceId, ref, name, phase, exitCode: run?.exitCode ?? null, oomKilled: false, ...times, ...made };
}

/** What its processes have used so far. */
export function counters(instanceId: string, pids: readonly number[]): StatsSample {
  return {
    instanceId,
    at: new Date().toISOString(),
    cpuNanos: pids.reduce((sum, pid) => sum + (processInfo(pid)?.cpuNanos ?? 0n), 0n),
    memoryBytes: pids.reduce((sum, pid) => sum + memoryOf(pid), 0),
    memoryLimitBytes: totalmem(),
    rxBytes: 0,
    txBytes: 0,
    onlineCpus: availableParallelism(),
  };
}
