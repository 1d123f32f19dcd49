import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Config } from '../../config/config.js';
import { embeddedServerOf } from './create-data-source.js';
import { checkMasterKey } from './master-key-check.js';
import { Notifications } from './notifications.js';
import { openDatabase } from './open-database.js';
import { UnitOfWork } from './unit-of-work.js';

async function opened(config: Config): Promise<DataSource> {
  const source = await openDatabase(config);
  try {
    await checkMasterKey(source, config);
    return source;
  } catch (error) {
    await source.destroy();
    throw error;
  }
}

/**
 * The database, everywhere: `DataSource`, `UnitOfWork` and `Notifications`. It is open and migrated before anything that
 * asks for one of them is made, and closed after everything else has stopped.
 */
@Global()
@Module({
  providers: [
    { provide: DataSource, inject: [Config], useFactory: opened },
    {
      provide: Notifications,
      inject: [Config, DataSource],
      useFactory: (config: Config, source: DataSource) => new Notifications(config, embeddedServerOf(source)),
    },
    UnitOfWork,
  ],
  exports: [DataSource, UnitOfWork, Notifications],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    @Inject(DataSource) private readonly source: DataSource,
    @Inject(Notifications) private readonly notifications: Notifications,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.notifications.close();
    if (this.source.isInitialized) await this.source.destroy();
  }
}
