import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { PrivateInstructions } from '../agents/private-instructions.js';
import { ChannelError, Channels } from '../instances/channel.port.js';
import type { Instance } from '../instances/instance.entity.js';
import type { PrivateFile } from './runtime.port.js';

/** Stands for private instructions in a line that opens a conversation: lines wait in the database, so they hold none. */
export const privateMark = '@flotilla-private-instructions@';

/** In memory where the container has that, beside the home in any case; the text comes on standard input. */
const place = `umask 077; dir="\${TMPDIR:-/dev/shm}/flotilla-context"
mkdir -p "$dir" && cat >"$dir/new" && mv "$dir/new" "$dir/instructions.md" && printf %s "$dir/instructions.md"`;

/** Brings private instructions to a runtime: as a file outside the agent's home, and in lines where a runtime takes text. */
@Injectable()
export class PrivateContext {
  constructor(
    private readonly db: UnitOfWork,
    private readonly channels: Channels,
    private readonly instructions: PrivateInstructions,
  ) {}

  /** What a launch depends on; null: nothing private. */
  textOf(agent: Agent): string | null {
    return this.instructions.open(agent)?.reveal() ?? null;
  }

  /** Writes the file as the agent's own user, anew for each launch: what held it may have been memory. */
  async place(instance: Instance, agent: Agent): Promise<PrivateFile | null> {
    const text = this.textOf(agent);
    if (text === null) return null;
    const channel = await this.channels.of({ instanceId: instance.id, ref: instance.ref ?? '' }, 'developer');
    const { exitCode, stdout } = await channel.run({ argv: ['sh', '-c', place], stdin: text });
    if (exitCode !== 0) throw new ChannelError('failed', 'The private instructions could not be written');
    return { path: stdout.toString('utf8') };
  }

  /** A line as the runtime shall read it. */
  async fill(instance: Instance, line: string): Promise<string> {
    if (!line.includes(privateMark)) return line;
    const agent = await this.db.of(Agent).findOneBy({ id: instance.agentId });
    const text = agent && this.textOf(agent);
    return line.replaceAll(privateMark, () => JSON.stringify(text ?? '').slice(1, -1));
  }
}
