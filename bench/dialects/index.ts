import type { BenchDialect } from './dialect.js';
import { trinity } from './trinity.js';

/** Every API that is measured. */
export const dialects: readonly BenchDialect[] = [trinity];
