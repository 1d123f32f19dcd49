import { DatabaseError } from '../database/folder-lock.js';
import { JsonLogger } from './logger.js';

/** Nest's own start-up chatter: a line for every module and route. */
const chatter = new Set<unknown>([
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestFactory',
  'NestApplication',
]);

/**
 * `JsonLogger` that shows the framework's start-up lines at level `debug` only: also its copy, with a stack, of those
 * failures that `main.ts` explains in a sentence.
 */
export class QuietStartLogger extends JsonLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    if (chatter.has(rest.at(-1))) this.debug(message, ...rest);
    else super.log(message, ...rest);
  }

  override error(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    const explained =
      context === 'ExceptionHandler' && [message, ...rest].some((part) => part instanceof DatabaseError);
    if (explained || context === 'NestApplication') this.debug(message, ...rest);
    else super.error(message, ...rest);
  }
}
