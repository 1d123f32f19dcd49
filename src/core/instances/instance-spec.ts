import type { Agent } from '../agents/agent.entity.js';
import { memoryBytes } from '../agents/agent.rules.js';
import type { InstanceSpec } from './engine.port.js';

/** Name of a container for people: it follows the agent's name. */
export const containerNameOf = (slug: string, instanceId: string): string =>
  `flotilla-${slug}-${instanceId.slice(0, 8)}`;

/** What the engine makes an agent's container from. */
export function specOf(instanceId: string, agent: Agent): InstanceSpec {
  return {
    instanceId,
    containerName: containerNameOf(agent.slug, instanceId),
    agentName: agent.slug,
    runtime: agent.runtime,
    env: {
      AGENT_NAME: agent.slug,
      AGENT_TYPE: agent.type,
      AGENT_RUNTIME: agent.runtime,
      ...(agent.model ? { AGENT_RUNTIME_MODEL: agent.model } : {}),
      ...(agent.template ? { TEMPLATE_NAME: agent.template } : {}),
    },
    limits: { cpus: Number(agent.cpu), memoryBytes: memoryBytes(agent.memory) ?? 4 * 2 ** 30, pids: 512 },
  };
}
