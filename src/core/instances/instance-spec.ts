import type { Agent } from '../agents/agent.entity.js';
import { memoryBytes } from '../agents/agent.rules.js';
import type { EngineInstance, HomeLayout, InstanceSpec, Limits } from './engine.port.js';

/** Name of a container for people: it follows the agent's name. */
export const containerNameOf = (slug: string, instanceId: string): string =>
  `flotilla-${slug}-${instanceId.slice(0, 8)}`;

/** What an agent may use: the limits that were set later win over what was asked for first. */
export const resourcesIn = (agent: Agent): { readonly cpu: string; readonly memory: string } => ({
  cpu: agent.cpuLimit ?? agent.cpu,
  memory: agent.memoryLimit ?? agent.memory,
});

export function limitsOf(agent: Agent): Limits {
  const { cpu, memory } = resourcesIn(agent);
  return { cpus: Number(cpu), memoryBytes: memoryBytes(memory) ?? 4 * 2 ** 30, pids: 512 };
}

/** What the engine makes an agent's container from. */
export function specOf(instanceId: string, agent: Agent, layout: HomeLayout): InstanceSpec {
  return {
    instanceId,
    containerName: containerNameOf(agent.slug, instanceId),
    agentName: agent.slug,
    runtime: agent.runtime,
    image: agent.image,
    env: {
      AGENT_NAME: agent.slug,
      AGENT_TYPE: agent.type,
      AGENT_RUNTIME: agent.runtime,
      ...(agent.model ? { AGENT_RUNTIME_MODEL: agent.model } : {}),
      ...(agent.template ? { TEMPLATE_NAME: agent.template } : {}),
    },
    limits: limitsOf(agent),
    layout,
  };
}

/** Are two homes laid out alike, in whatever order? */
export function sameLayout(one: HomeLayout, other: HomeLayout): boolean {
  return form(one) === form(other);
}

export function sameLimits(one: Limits | null, other: Limits | null): boolean {
  if (one === null || other === null) return one === other;
  const nano = ({ cpus }: Limits): number => Math.round(cpus * 1e9);
  return nano(one) === nano(other) && one.memoryBytes === other.memoryBytes && one.pids === other.pids;
}

/** Has this container what is asked for? What cannot be seen of it is told by the agent's revision. */
export const isMadeFrom = (real: Pick<EngineInstance, 'layout' | 'limits'>, spec: InstanceSpec): boolean =>
  sameLayout(real.layout, spec.layout) && sameLimits(real.limits, spec.limits);

function form({ shared, writable }: HomeLayout): string {
  const folders = shared.map(({ owner, path }) => `${path} ${owner}`).sort();
  return JSON.stringify([folders, writable && [...writable].sort()]);
}
