import { Module, type DynamicModule } from '@nestjs/common';
import { Config } from './config.js';

/** Provides the one validated `Config` everywhere. */
@Module({})
export class ConfigModule {
  static with(config: Config): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [{ provide: Config, useValue: config }],
      exports: [Config],
    };
  }
}
