import { Injectable, Logger } from '@nestjs/common';
import { AgentDirectory } from '../../core/fleet/agent-directory.service.js';
import { Channels } from '../../core/instances/channel.port.js';
import { ContainerEngine } from '../../core/instances/engine.port.js';
import { type InstanceHook, InstanceHooks } from '../../core/instances/instance-hooks.js';
import type { Instance } from '../../core/instances/instance.entity.js';
import { ReadOnlyMode } from '../../core/instances/read-only.service.js';

const file = '/opt/trinity/read-only-config.json';
const write = 'umask 022; mkdir -p "${1%/*}" && cat >"$1.new" && chmod 0444 "$1.new" && mv -f "$1.new" "$1"';

/** The file by which programs inside an agent's container learn that it is read-only. Root's, so that the agent cannot change it. */
@Injectable()
export class ReadOnlyFile implements InstanceHook {
  private readonly logger = new Logger(ReadOnlyFile.name);

  constructor(
    hooks: InstanceHooks,
    private readonly channels: Channels,
    private readonly engine: ContainerEngine,
    private readonly mode: ReadOnlyMode,
    private readonly directory: AgentDirectory,
  ) {
    hooks.add(this);
  }

  /** Again after each start: a container that was made anew has lost it. */
  async running(instance: Instance): Promise<void> {
    const found = await this.directory.find(instance.agentId);
    if (found?.agent.readOnly) await this.put(instance, true);
  }

  stopping(): Promise<void> {
    return Promise.resolve();
  }

  halted(): Promise<void> {
    return Promise.resolve();
  }

  /** Writes it, or takes it away. @returns whether that was possible */
  async put(instance: Instance, enabled: boolean): Promise<boolean> {
    // Without a container the path would be one of this machine.
    if (!this.engine.abilities.isolation || !instance.ref) return false;
    try {
      const root = await this.channels.of({ instanceId: instance.id, ref: instance.ref }, 'root');
      const argv = enabled ? ['sh', '-c', write, 'write', file] : ['rm', '-f', file];
      const { exitCode } = await root.run({
        argv,
        cwd: '/',
        stdin: enabled ? await this.content(instance.agentId) : '',
      });
      if (exitCode !== 0) this.logger.warn(`${file} could not be written in instance ${instance.id} (${exitCode})`);
      return exitCode === 0;
    } catch (error) {
      this.logger.warn(`${file} could not be written in instance ${instance.id}`, error);
      return false;
    }
  }

  private async content(agentId: string): Promise<string> {
    const { blocked, allowed } = await this.mode.patternsFor(agentId);
    return `${JSON.stringify({ enabled: true, blocked_patterns: blocked, allowed_patterns: allowed })}\n`;
  }
}
