import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { Clock } from '../clock.port.js';
import { ContainerEngine } from '../instances/engine.port.js';
import { EngineWatch } from '../instances/engine-watch.service.js';
import { Models } from './models.port.js';
import { Runtimes } from './runtime.port.js';

/** Runtimes whose images are made without being asked for; the others when an agent needs them. */
const usual = ['opencode', 'claude-code'];

/** Builds the usual images in the background after the start, so that a first agent does not have to wait for all of it. */
@Injectable()
export class ImageWarmup implements BeforeApplicationShutdown {
  private readonly logger = new Logger(ImageWarmup.name);
  private readonly stopped = new AbortController();

  constructor(
    private readonly engine: ContainerEngine,
    private readonly watch: EngineWatch,
    private readonly runtimes: Runtimes,
    private readonly models: Models,
    private readonly clock: Clock,
  ) {}

  /** Not awaited by the start: the server answers meanwhile. Only for engines with images of their own. */
  async run(): Promise<void> {
    if (this.engine.kind !== 'docker') return;
    while (!this.watch.connected && !this.stopped.signal.aborted) {
      await this.clock.sleep(1000, this.stopped.signal).catch(() => undefined);
    }
    for (const name of usual) await this.prepare(name);
  }

  beforeApplicationShutdown(): void {
    this.stopped.abort();
  }

  private async prepare(name: string): Promise<void> {
    const runtime = this.runtimes.find(name);
    if (!runtime?.providers.some((provider) => this.models.has(provider)) || this.stopped.signal.aborted) return;
    try {
      if (await this.engine.findImage(name)) return;
      this.logger.log(`Building the image of ${runtime.title}; agents that need it wait until it is ready`);
      await this.engine.prepareImage(name, () => undefined, this.stopped.signal);
      this.logger.log(`The image of ${runtime.title} is ready`);
    } catch (error) {
      if (this.stopped.signal.aborted) return;
      const reason = error instanceof Error ? error.message : 'unknown failure';
      this.logger.warn(`The image of ${runtime.title} could not be built: ${reason}`);
    }
  }
}
