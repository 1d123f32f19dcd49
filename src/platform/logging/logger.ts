import type { LoggerService } from '@nestjs/common';
import { pino, type Logger as Pino } from 'pino';
import type { Config } from '../../config/config.js';
import { redacted, redactedPaths } from './redaction.js';
import { requestContext } from './request-context.js';

export interface LogDestination {
  write(line: string): void;
}

type Level = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** JSON lines for Nest's `Logger`: level, time, context, request id, and errors without the values they carry. */
export class JsonLogger implements LoggerService {
  private readonly pino: Pino;

  /** Lines go to stderr unless a destination is given. */
  constructor(level: Config['logLevel'], destination: LogDestination = pino.destination({ dest: 2, sync: true })) {
    this.pino = pino(
      {
        level,
        base: undefined,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        redact: { paths: redactedPaths, censor: '[sealed]' },
        mixin: () => ({ ...requestContext.getStore() }),
      },
      { write: (line) => destination.write(redacted(line)) },
    );
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.write('info', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** Nest passes the context last; before it may stand an error, a stack, or an object with fields. */
  private write(level: Level, message: unknown, rest: readonly unknown[]): void {
    if (!this.pino.isLevelEnabled(level)) return;
    const last = rest.at(-1);
    const context = typeof last === 'string' && !last.includes('\n') ? last : undefined;
    const extras = context === undefined ? rest : rest.slice(0, -1);
    const fields: Record<string, unknown> = context === undefined ? {} : { context };
    for (const extra of [message, ...extras]) {
      if (extra instanceof Error) fields.error ??= describeError(extra);
      else if (typeof extra === 'string' && extra !== message) fields.stack ??= extra;
      else if (typeof extra === 'object' && extra !== null) Object.assign(fields, extra);
    }
    const text = typeof message === 'string' ? message : message instanceof Error ? message.message : undefined;
    this.pino[level](fields, text);
  }
}

/** Only what is safe and useful: query parameters, requests and the like that errors carry along stay out. */
function describeError(error: Error, depth = 0): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    stack: error.stack,
    ...(error.cause instanceof Error && depth < 4 ? { cause: describeError(error.cause, depth + 1) } : {}),
  };
}
