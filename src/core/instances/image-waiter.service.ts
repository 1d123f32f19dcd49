import { Injectable, Logger } from '@nestjs/common';
import type { Agent } from '../agents/agent.entity.js';
import { Clock } from '../clock.port.js';
import { ContainerEngine } from './engine.port.js';
import type { Instance } from './instance.entity.js';
import { InstancesService } from './instances.service.js';

/** The wish changed while it was worked on; whoever changed it has asked for another look. */
export class NoLongerWanted extends Error {}

/** Longest a build is watched, in seconds; the engine gives up long before. */
const watchSeconds = 3600;

/** Sees that an instance's image is there, and tells its row what it waits for. */
@Injectable()
export class ImageWaiter {
  private readonly logger = new Logger(ImageWaiter.name);

  constructor(
    private readonly engine: ContainerEngine,
    private readonly instances: InstancesService,
    private readonly clock: Clock,
  ) {}

  /** Throws `NoLongerWanted` when the wish changes meanwhile: a stop or a deletion must not wait for a build. */
  async ready(id: string, { runtime, image }: Pick<Agent, 'runtime' | 'image'>): Promise<void> {
    if (image === null && (await this.engine.findImage(runtime))) return;
    const over = new AbortController();
    const unwanted = (row: Instance | null): boolean => over.signal.aborted || row?.desired !== 'running';
    const given = (): void => over.abort(new NoLongerWanted());
    this.instances.until(id, unwanted, watchSeconds).then(given, given);
    try {
      if (image === null) await this.engine.prepareImage(runtime, this.progressOf(id), over.signal);
      else await this.engine.fetchImage(image, runtime, over.signal);
    } catch (error) {
      if (over.signal.aborted) throw new NoLongerWanted();
      throw error;
    } finally {
      over.abort();
    }
    await this.instances.progress(id, 'Image is ready; starting the container');
  }

  /** Stores at most one step a second: builds print many. */
  private progressOf(id: string): (step: { readonly step: string }) => void {
    let last = 0;
    return ({ step }) => {
      const now = this.clock.now().getTime();
      if (now - last < 1000) return;
      last = now;
      this.instances.progress(id, step).catch((error: unknown) => {
        this.logger.warn('Could not store build progress', error);
      });
    };
  }
}
