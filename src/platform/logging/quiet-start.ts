import { JsonLogger } from './logger.js';

/** Nest's own start-up chatter: a line for every module and route. */
const chatter = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory', 'NestApplication']);

/** `JsonLogger` that shows the framework's start-up lines at level `debug` only. */
export class QuietStartLogger extends JsonLogger {
  override log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (typeof context === 'string' && chatter.has(context)) this.debug(message, ...rest);
    else super.log(message, ...rest);
  }
}
