import type Docker from 'dockerode';
import type { EngineInstance, EnginePhase, InstanceSpec, Limits } from '../../core/instances/engine.port.js';
import { layoutOf, mountsOf } from './home-layout.js';
import { label, networkName } from './labels.js';

export function labelsOf(spec: InstanceSpec, installId: string): Record<string, string> {
  return { [label.install]: installId, [label.instance]: spec.instanceId, [label.agent]: spec.agentName };
}

/** What a container is made with beside its spec. */
export interface Surroundings {
  readonly image: string;
  readonly installId: string;
  /** Where the home's files lie on the engine's machine; null where that is not needed. */
  readonly homeFolder: string | null;
}

export function createOptions(
  spec: InstanceSpec,
  { image, installId, homeFolder }: Surroundings,
): Docker.ContainerCreateOptions {
  return {
    name: spec.containerName,
    Image: image,
    Labels: labelsOf(spec, installId),
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    // The entry script is root and drops to `developer`; it needs these two capabilities for that and has no other.
    User: 'root',
    Tty: false,
    HostConfig: {
      ...limitSettings(spec.limits),
      Mounts: mountsOf(spec, homeFolder),
      // Runtimes unpack native libraries into /tmp and load them from there.
      Tmpfs: { '/tmp': 'rw,exec,nosuid,nodev,size=1g,mode=1777' },
      CapDrop: ['ALL'],
      CapAdd: ['SETUID', 'SETGID'],
      SecurityOpt: ['no-new-privileges:true'],
      Privileged: false,
      IpcMode: 'private',
      NetworkMode: networkName(installId),
      Init: true,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } },
    },
  };
}

/** The same memory for both: no swap. */
export function limitSettings(
  limits: Limits,
): Pick<Docker.HostConfig, 'Memory' | 'MemorySwap' | 'NanoCpus' | 'PidsLimit'> {
  return {
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    NanoCpus: Math.round(limits.cpus * 1e9),
    PidsLimit: limits.pids,
  };
}

/** null for a container that is not one of ours. */
export function toInstance(info: Docker.ContainerInspectInfo): EngineInstance | null {
  const instanceId = info.Config.Labels[label.instance];
  if (instanceId === undefined) return null;
  const state = info.State;
  const phase = phaseOf(state.Status);
  const exitCode = phase === 'exited' || phase === 'dead' ? state.ExitCode : null;
  const { Memory, NanoCpus, PidsLimit } = info.HostConfig;
  return {
    instanceId,
    ref: info.Id,
    name: info.Name.replace(/^\//, ''),
    phase,
    exitCode,
    // The engine's mark stays after any process of the container ran out of memory; only with KILL it was the main one.
    oomKilled: state.OOMKilled && exitCode === 137,
    startedAt: timeOf(state.StartedAt),
    finishedAt: timeOf(state.FinishedAt),
    image: info.Config.Image,
    layout: layoutOf(info),
    limits: Memory && NanoCpus && PidsLimit ? { memoryBytes: Memory, cpus: NanoCpus / 1e9, pids: PidsLimit } : null,
  };
}

function phaseOf(status: string): EnginePhase {
  if (status === 'created' || status === 'running' || status === 'paused' || status === 'exited') return status;
  // `restarting` cannot last with the policy `no`; `removing` and `dead` are of no use any more.
  return status === 'restarting' ? 'running' : 'dead';
}

/** The engine writes year 1 for never. */
function timeOf(text: string): string | null {
  return text.startsWith('0001-') ? null : text;
}
