import path from 'node:path';
import { Module } from '@nestjs/common';
import { Models } from '../../core/runtimes/models.port.js';
import { MODEL_ENTRY, ModelProcess } from './model-process.js';

/** Provides `Models`. Needs `Config` and `Clock` from the application. */
@Module({
  providers: [
    { provide: MODEL_ENTRY, useFactory: () => path.resolve(__dirname, '../../demo-model/main.js') },
    { provide: Models, useClass: ModelProcess },
  ],
  exports: [Models],
})
export class ModelsModule {}
