import { join } from 'node:path';
import { type DynamicModule, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ChannelModule } from './adapters/channel/channel.module.js';
import { GitRepositories } from './adapters/git/git-repositories.js';
import { LocalEngine } from './adapters/local/local.engine.js';
import { ConsoleMailer } from './adapters/mail/console.mailer.js';
import { ModelsModule } from './adapters/models/models.module.js';
import { RuntimeRegistry } from './adapters/runtimes/registry.js';
import { DiskTemplateFolders } from './adapters/templates/template-folders.js';
import { Config } from './config/config.js';
import { Mailer } from './core/accounts/mailer.port.js';
import { Channels } from './core/instances/channel.port.js';
import { ContainerEngine } from './core/instances/engine.port.js';
import { Repositories } from './core/library/repositories.port.js';
import { TemplateFolders } from './core/library/template-folders.port.js';
import { type AgentRuntime, Runtimes } from './core/runtimes/runtime.port.js';
import { installIdOf } from './platform/database/install-id.js';
import { UnitOfWork } from './platform/database/unit-of-work.js';

export interface AdapterOverrides {
  /** An engine instead of the configured one. */
  readonly engine?: (config: Config, installId: string) => ContainerEngine | Promise<ContainerEngine>;
  /** Runtimes instead of the built-in ones. */
  readonly runtimes?: readonly AgentRuntime[];
  /** Entry point of the model process instead of the built one. */
  readonly modelEntry?: string;
  /** Where mail goes instead of the configured place. */
  readonly mailer?: Mailer;
}

// The libraries behind these two take a tenth of a start to load, so each is loaded where it is used only.
async function configuredMailer({ smtpUrl, mailFrom }: Config): Promise<Mailer> {
  if (!smtpUrl) return new ConsoleMailer();
  const { SmtpMailer } = await import('./adapters/mail/smtp.mailer.js');
  return new SmtpMailer(smtpUrl, mailFrom);
}

async function configuredEngine(config: Config, installId: string): Promise<ContainerEngine> {
  if (config.engine === 'local') return new LocalEngine({ config, installId });
  const { createDockerEngine } = await import('./adapters/docker/docker.engine.js');
  return createDockerEngine(config, installId);
}

/** Who implements the ports of core: engine, channels, models, runtimes, mail. The one place that picks. */
@Global()
@Module({})
export class AdaptersModule implements OnApplicationShutdown {
  constructor(
    private readonly engine: ContainerEngine,
    private readonly channels: Channels,
  ) {}

  static with({ engine = configuredEngine, runtimes, modelEntry, mailer }: AdapterOverrides = {}): DynamicModule {
    return {
      module: AdaptersModule,
      imports: [ChannelModule, ModelsModule.with(modelEntry)],
      providers: [
        {
          provide: ContainerEngine,
          inject: [Config, UnitOfWork],
          useFactory: async (config: Config, db: UnitOfWork) => engine(config, await installIdOf(db)),
        },
        { provide: Mailer, inject: [Config], useFactory: (config: Config) => mailer ?? configuredMailer(config) },
        {
          provide: TemplateFolders,
          inject: [Config],
          useFactory: (config: Config) => new DiskTemplateFolders(config.templatesDir),
        },
        {
          provide: Repositories,
          inject: [Config],
          useFactory: (config: Config) => new GitRepositories(config.github, join(config.dataDir, 'tmp')),
        },
        { provide: Runtimes, inject: [Config], useFactory: (config: Config) => new RuntimeRegistry(config, runtimes) },
      ],
      exports: [ContainerEngine, Mailer, Repositories, Runtimes, TemplateFolders, ChannelModule, ModelsModule],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    this.channels.closeAll();
    await this.engine.close();
  }
}
