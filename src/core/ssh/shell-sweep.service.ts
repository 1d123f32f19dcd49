import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../clock.port.js';
import { InstancesService } from '../instances/instances.service.js';
import { ShellBook, type StaleShell } from './shell-book.service.js';
import { ShellEnder } from './shell-ender.service.js';

const soonMs = 1000;
const laterMs = 15_000;

/** Ends what people's shells left behind when their server died: at its next start, or soon by another one. */
@Injectable()
export class ShellSweep implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(ShellSweep.name);
  private cancel: () => void = () => undefined;
  private stopped = false;

  constructor(
    private readonly book: ShellBook,
    private readonly ender: ShellEnder,
    private readonly instances: InstancesService,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.schedule(soonMs);
  }

  onModuleDestroy(): void {
    this.stopped = true;
    this.cancel();
  }

  /** @returns how many are left */
  async sweep(): Promise<number> {
    const stale = await this.book.stale();
    const ended = await Promise.all(stale.map((shell) => this.ended(shell).catch(() => false)));
    return ended.filter((one) => !one).length;
  }

  private async ended({ id, instanceId }: StaleShell): Promise<boolean> {
    const instance = await this.instances.find(instanceId);
    // Without its main process an instance has no others either.
    const ref = instance && instance.state !== 'stopped' && instance.state !== 'failed' ? instance.ref : null;
    if (ref !== null && !(await this.ender.end({ instanceId, ref }, id, 'KILL'))) return false;
    await this.book.forget(id);
    return true;
  }

  private schedule(ms: number): void {
    if (this.stopped) return;
    this.cancel = this.clock.after(ms, () => {
      this.sweep().then(
        (left) => this.schedule(left > 0 ? soonMs : laterMs),
        (error: unknown) => {
          if (!this.stopped) this.logger.warn('stale shells could not be ended', error);
          this.schedule(laterMs);
        },
      );
    });
  }
}
