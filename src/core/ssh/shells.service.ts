import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../clock.port.js';
import { Conflict, Invalid } from '../errors/domain-error.js';
import type { ShellSignal } from '../instances/channel.port.js';
import { ContainerEngine, type ExecHandle } from '../instances/engine.port.js';
import { InstancesService } from '../instances/instances.service.js';
import { AgentEnvironment, type AgentPlace } from '../runtimes/agent-environment.service.js';
import { ShellEnder } from './shell-ender.service.js';
import { ShellBook } from './shell-book.service.js';

/** A running instance, and which of its runs. */
export interface ShellPlace extends AgentPlace {
  readonly boot: string | null;
}

export interface ShellWish {
  readonly argv: readonly string[];
  /** Null: output and errors come apart, and the end of input is passed on. */
  readonly tty: { readonly cols: number; readonly rows: number } | null;
  /** In place of what shells get otherwise. */
  readonly given?: Readonly<Record<string, string>>;
  /** Besides that, and besides what a login sets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Refused with a Conflict while another shell holds it. */
  readonly soleKey?: string;
}

/** A program a person started inside an agent, with everything that it starts. */
export interface Shell {
  readonly id: string;
  readonly handle: ExecHandle;
  signal(name: ShellSignal): void;
  /** Its program is over: forgets it when nothing of it is left, otherwise `end` does. */
  finished(): Promise<void>;
  /** HUP, then KILL to all of it. Resolves when nothing is left, or nobody can be asked. */
  end(): Promise<void>;
}

const home = { user: 'developer', shell: '/bin/bash' };

/** What a shell is started with, and who remembers and ends it. */
@Injectable()
export class ShellSurroundings {
  constructor(
    readonly environment: AgentEnvironment,
    readonly book: ShellBook,
    readonly ender: ShellEnder,
  ) {}
}

/** Starts programs inside agents for people at terminals, as the agent's own user, and sees that they end. */
@Injectable()
export class Shells {
  constructor(
    private readonly engine: ContainerEngine,
    private readonly instances: InstancesService,
    private readonly surroundings: ShellSurroundings,
    private readonly clock: Clock,
  ) {}

  /** Where an agent runs now; null when it does not. */
  async placeOf(agentId: string): Promise<ShellPlace | null> {
    const instance = await this.instances.findOf(agentId);
    if (instance?.state !== 'running' || instance.desired !== 'running' || !instance.ref) return null;
    return { instanceId: instance.id, agentId, ref: instance.ref, boot: instance.boot };
  }

  /** @throws Invalid this engine has no terminals; Conflict the sole key is taken */
  async start(place: ShellPlace, { argv, tty, env = {}, soleKey, ...wish }: ShellWish): Promise<Shell> {
    if (tty && !this.engine.abilities.terminal) {
      throw new Invalid('This engine offers no terminals: run a command instead', [], 'no_terminal');
    }
    const id = randomUUID();
    const { book, environment } = this.surroundings;
    if (!(await book.add({ id, instanceId: place.instanceId, soleKey: soleKey ?? null }))) {
      throw new Conflict('Only one terminal for each user and agent', 'terminal_taken');
    }
    try {
      const folder = this.engine.pathOf(place.ref, 'home');
      const login = { HOME: folder, USER: home.user, LOGNAME: home.user, SHELL: home.shell };
      const given = wish.given ?? Object.fromEntries(await environment.shell(place));
      const handle = await this.engine.exec(place.ref, {
        argv,
        user: 'developer',
        cwd: folder,
        env: { ...given, ...env, ...login, FLOTILLA_EXEC: id },
        ...(tty ? { tty } : {}),
      });
      return this.shell(id, place, handle);
    } catch (error) {
      await book.forget(id);
      throw error;
    }
  }

  private shell(id: string, place: ShellPlace, handle: ExecHandle): Shell {
    const { book, ender } = this.surroundings;
    let ending: Promise<void> | null = null;
    const end = async (): Promise<void> => {
      void book.release(id).catch(() => undefined);
      if (await ender.end(place, id)) await book.forget(id).catch(() => undefined);
      book.leave(id);
      handle.stdout.resume();
      handle.stderr.resume();
      handle.close();
    };
    return {
      id,
      handle,
      signal: (name) => void ender.signal(place, id, name).catch(() => undefined),
      end: () => (ending ??= end()),
      finished: async () => {
        // The last process may still be on its way out.
        for (const pause of [0, 50, 500]) {
          await this.clock.sleep(pause);
          if (ending) return ending;
          if (!(await ender.lives(place, id))) {
            ending = Promise.resolve();
            await book.forget(id).catch(() => undefined);
            handle.close();
            return;
          }
        }
      },
    };
  }
}
