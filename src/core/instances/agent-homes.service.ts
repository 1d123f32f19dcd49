import { Injectable } from '@nestjs/common';
import { Access, type AgentRef } from '../access/access.service.js';
import { includes } from '../access/access.rules.js';
import type { Principal, Right } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Forbidden, Invalid, NotFound } from '../errors/domain-error.js';
import { ChannelError, Channels, type Channel } from './channel.port.js';
import { ContainerEngine } from './engine.port.js';
import { isPrivate, outside } from './file.rules.js';
import { InstancesService } from './instances.service.js';

/** Opens the homes of running agents, for those who may look into them. */
@Injectable()
export class AgentHomes {
  constructor(
    private readonly access: Access,
    private readonly instances: InstancesService,
    private readonly channels: Channels,
    private readonly engine: ContainerEngine,
  ) {}

  /** Throws as `Access.agent` does, and `Invalid` when the agent does not run. */
  async open(who: Principal, ref: AgentRef, right: Right): Promise<AgentHome> {
    const agent = await this.access.agent(who, ref, right);
    const instance = await this.instances.findOf(agent.id);
    if (instance?.state !== 'running' || !instance.ref) {
      throw new Invalid('Agent must be running to access its files', [], 'agent_not_running');
    }
    const held = await this.access.rightOn(who, agent);
    const channel = await this.channels.of({ instanceId: instance.id, ref: instance.ref }, 'developer');
    const owns = held !== null && includes(held, 'own');
    return new AgentHome(agent, channel, this.engine.pathOf(instance.ref, 'home'), owns, instance.startedAt);
  }
}

/** One agent's home as one caller may see it. */
export class AgentHome {
  constructor(
    readonly agent: Agent,
    readonly channel: Channel,
    /** Absolute, as the agent sees it. */
    readonly folder: string,
    readonly owns: boolean,
    /** When the container was started. */
    readonly runsSince: Date | null = null,
  ) {}

  visible(path: string): boolean {
    return this.owns || !isPrivate(path);
  }

  requireVisible(path: string): void {
    if (!this.visible(path)) throw new Forbidden('Only the owner may read this file', 'private_file');
  }

  /** Follows links as long as they stay in the home; the answer holds none. */
  async resolve(path: string): Promise<string> {
    if (path === '') return '';
    const argv = ['readlink', '-e', '-n', '-z', '--', `${this.folder}/${path}`];
    const { exitCode, stdout } = await this.channel.run({ argv, timeoutMs: 10_000 });
    if (exitCode !== 0) throw new NotFound('file', path);
    const real = stdout.toString('utf8').replace(/\0+$/, '');
    if (real === this.folder) return '';
    if (!real.startsWith(`${this.folder}/`)) throw outside();
    return real.slice(this.folder.length + 1);
  }

  worded(error: unknown, path: string): unknown {
    if (!(error instanceof ChannelError)) return error;
    switch (error.fault) {
      case 'not_found':
        return new NotFound('file', path);
      case 'not_a_directory':
        return new Invalid('Path is not a directory', [], 'not_a_directory');
      case 'is_a_directory':
      case 'not_a_file':
        return new Invalid('Path is not a file', [], 'not_a_file');
      case 'link_refused':
      case 'outside':
        return outside();
      case 'too_large':
        return new Invalid('A name in the path is too long, or the file is too large', [], 'too_large');
      case 'denied':
        return new Forbidden('The agent itself may not do this with this path', 'denied');
      default:
        return error;
    }
  }
}
