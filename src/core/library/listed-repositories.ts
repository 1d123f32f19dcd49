import { Injectable, Logger } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { Clock } from '../clock.port.js';
import { Repositories } from './repositories.port.js';
import { type Template, templateFrom } from './template.rules.js';

/** A list may be this old; whoever asks later has it read again, and waits for that only so long. */
const freshMs = 10 * 60_000;
const patienceMs = 5000;

interface Listed {
  readonly at: number;
  /** Null: it is not there, or no template. */
  readonly template: Template | null;
}

/** The repositories that are shown among the templates. What a host says is kept for a while, also over its failures. */
@Injectable()
export class ListedRepositories {
  private readonly logger = new Logger(ListedRepositories.name);
  private readonly known = new Map<string, Listed>();
  private readonly reading = new Map<string, Promise<void>>();

  constructor(
    private readonly config: Config,
    private readonly repositories: Repositories,
    private readonly clock: Clock,
  ) {}

  /** In the order in which they are configured. One that is slow to answer is shown the next time. */
  async templates(): Promise<Template[]> {
    const names = this.config.templateRepositories;
    const now = this.clock.now().getTime();
    const old = names.filter((name) => (this.known.get(name)?.at ?? -Infinity) + freshMs <= now);
    if (old.length > 0) {
      const over = new AbortController();
      const late = this.clock.sleep(patienceMs, over.signal).catch(() => undefined);
      await Promise.race([Promise.all(old.map((name) => this.refresh(name))), late]);
      over.abort();
    }
    return names.flatMap((name) => this.known.get(name)?.template ?? []);
  }

  /** At most one reading of each at a time. */
  private refresh(name: string): Promise<void> {
    const running = this.reading.get(name);
    if (running) return running;
    const reading = this.read(name).finally(() => this.reading.delete(name));
    this.reading.set(name, reading);
    return reading;
  }

  private async read(repository: string): Promise<void> {
    let template = this.known.get(repository)?.template ?? null;
    try {
      const document = await this.repositories.text(repository, 'template.yaml');
      template = document === null ? null : templateFrom({ source: 'github', repository }, document);
      if (!template) this.logger.warn(`${repository} has no template.yaml, so it is not among the templates`);
    } catch (error) {
      this.logger.warn(`${repository} could not be read as a template`, error);
    }
    this.known.set(repository, { at: this.clock.now().getTime(), template });
  }
}
