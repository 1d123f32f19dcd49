import { existsSync } from 'node:fs';
import path from 'node:path';
import { type DynamicModule, Module } from '@nestjs/common';
import { Models } from '../../core/runtimes/models.port.js';
import { MODEL_ENTRY, ModelProcess } from './model-process.js';

/** Provides `Models`. Needs `Config` and `Clock` from the application. */
@Module({})
export class ModelsModule {
  /** `entry` is the model process's entry point, if it is not the one beside this file. */
  static with(entry: string = besideThis()): DynamicModule {
    return {
      module: ModelsModule,
      providers: [
        { provide: MODEL_ENTRY, useValue: entry },
        { provide: Models, useClass: ModelProcess },
      ],
      exports: [Models],
    };
  }
}

/** The built file, or its source where the server itself runs from sources. */
function besideThis(): string {
  const built = path.resolve(__dirname, '../../demo-model/main.js');
  return existsSync(built) ? built : built.replace(/js$/, 'ts');
}
