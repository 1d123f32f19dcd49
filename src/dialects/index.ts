import type { Config } from '../config/config.js';
import { consoleDialect } from './console/console.dialect.js';
import type { Dialect } from './shared/dialect.js';
import { trinity } from './trinity/trinity.dialect.js';

/** Every surface this server speaks. Order is priority: the first dialect whose claim matches gets the request. */
export const dialectsFor = (config: Pick<Config, 'trinity'>): readonly Dialect[] => [trinity(config), consoleDialect];
