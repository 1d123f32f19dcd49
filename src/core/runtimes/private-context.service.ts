import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Agent } from '../agents/agent.entity.js';
import { PrivateInstructions } from '../agents/private-instructions.js';
import type { Variables } from '../credentials/environment.rules.js';
import { ChannelError, Channels } from '../instances/channel.port.js';
import { type GivenSource, GivenValues } from '../instances/given-values.js';
import { Instance } from '../instances/instance.entity.js';
import type { PrivateFile } from './runtime.port.js';

/** Stands for private instructions in a line that opens a conversation: lines wait in the database, so they hold none. */
export const privateMark = '@flotilla-private-instructions@';

/** Shorter ones are ordinary words, which an agent must be able to say. */
const shortestTaken = 12;

/** In memory where the container has that, beside the home in any case; the text comes on standard input. */
const place = `umask 077; dir="\${TMPDIR:-/dev/shm}/flotilla-context"
mkdir -p "$dir" && cat >"$dir/new" && mv "$dir/new" "$dir/instructions.md" && printf %s "$dir/instructions.md"`;

/**
 * Brings private instructions to a runtime: as a file outside the agent's home, and in lines where a runtime takes text. The
 * agent can read that file, and whoever talks to it can ask for it: so the text is taken out of what the agent prints.
 */
@Injectable()
export class PrivateContext implements GivenSource, OnModuleInit {
  constructor(
    private readonly db: UnitOfWork,
    private readonly channels: Channels,
    private readonly instructions: PrivateInstructions,
    private readonly given: GivenValues,
  ) {}

  onModuleInit(): void {
    this.given.add(this);
  }

  /** It comes in a file, not as a variable. */
  variables(): Promise<Variables> {
    return Promise.resolve(new Map());
  }

  async values(instanceId: string): Promise<readonly string[]> {
    const instance = await this.db.of(Instance).findOneBy({ id: instanceId });
    const agent = instance && (await this.db.of(Agent).findOneBy({ id: instance.agentId }));
    const text = agent && this.textOf(agent);
    return text && text.trim().length >= shortestTaken ? [text] : [];
  }

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
