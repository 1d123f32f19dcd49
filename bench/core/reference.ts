import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A reference that is a process of its own (`bench/refs/*.mjs`, `*.cjs`): it says where it listens, then answers messages one by one. */
export class Reference<Hello> {
  private constructor(
    readonly child: ChildProcess,
    readonly hello: Hello,
  ) {}

  static async start<Hello = { port: number }>(name: string, argv: readonly string[] = []): Promise<Reference<Hello>> {
    const child = fork(join(__dirname, '../refs', name), [...argv], { execArgv: ['--expose-gc'] });
    const [hello] = (await once(child, 'message')) as [Hello];
    return new Reference(child, hello);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  async ask<T = { cpuMs: number }>(message: object = {}): Promise<T> {
    this.child.send(message);
    const [answer] = (await once(this.child, 'message')) as [T];
    return answer;
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const over = once(this.child, 'exit');
    this.child.disconnect();
    await over;
  }
}
