import type { BenchDialect, ManagingDialect } from './dialect.js';
import { hostedagents } from './hostedagents.js';
import { trinity } from './trinity.js';

/** By which agents are made, whatever is measured then. */
export const managing: ManagingDialect = trinity;

/** Every API that is measured. */
export const dialects: readonly BenchDialect[] = [managing, hostedagents];
