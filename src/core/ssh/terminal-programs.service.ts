import { Injectable } from '@nestjs/common';
import type { Agent } from '../agents/agent.entity.js';
import { DomainError, Invalid } from '../errors/domain-error.js';
import { InstancesService } from '../instances/instances.service.js';
import { LaunchPlanner } from '../runtimes/launch-planner.service.js';
import type { ShellWish } from './shells.service.js';

type Program = Pick<ShellWish, 'argv' | 'given'>;

/** Looked up in the agent, as an image of somebody's own may have what ours has not: a name, or a path with `*`. */
const firstOf = `for p in "$@"; do
  case $p in
    /*) for f in $p; do if [ -x "$f" ]; then exec "$f"; fi; done ;;
    *) if command -v "$p" >/dev/null 2>&1; then exec "$p"; fi ;;
  esac
done
echo "flotilla: $0; here is a shell"; exec /bin/bash -l`;

/** What runs at a terminal: a shell, or the program that is the agent's runtime, set up as the runtime itself is. */
@Injectable()
export class TerminalPrograms {
  constructor(
    private readonly instances: InstancesService,
    private readonly planner: LaunchPlanner,
  ) {}

  async of(agent: Agent, what: 'shell' | 'runtime'): Promise<Program> {
    if (what === 'shell') return { argv: ['/bin/bash', '-l'] };
    try {
      return await this.runtimeOf(agent);
    } catch (error) {
      // Without a model provider there is no point in the program, but there is one in saying so.
      if (!(error instanceof DomainError)) throw error;
      return { argv: found(error.message, []) };
    }
  }

  private async runtimeOf(agent: Agent): Promise<Program> {
    const instance = await this.instances.findOf(agent.id);
    if (!instance) throw new Invalid('Agent is not running', [], 'agent_not_running');
    const plan = await this.planner.plan(agent, instance, agent.model);
    const { env, own } = await plan.launch({ number: 0, innerPort: 0 });
    const { runtime } = plan;
    const missing = `this agent has no terminal program of ${runtime.title}`;
    return {
      argv: found(missing, runtime.terminalPrograms ?? []),
      given: { ...Object.fromEntries(own), ...env },
    };
  }
}

const found = (otherwise: string, programs: readonly string[]): string[] => [
  ...['/bin/bash', '-lc', firstOf],
  ...[otherwise, ...programs],
];
