import type { Config } from '../config/config.js';
import { consoleDialect } from './console/console.dialect.js';
import { hostedagents } from './hostedagents/hostedagents.dialect.js';
import type { Dialect } from './shared/dialect.js';
import { talk } from './talk/talk.dialect.js';
import { trinity } from './trinity/trinity.dialect.js';

/** Every surface this server speaks, in the order in which `/docs` lists them. */
export const dialectsFor = (config: Pick<Config, 'trinity' | 'hostedagents' | 'embedOrigins'>): readonly Dialect[] => [
  trinity(config),
  hostedagents(config),
  talk(config),
  consoleDialect,
];
