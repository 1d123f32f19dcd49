import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { AppOverrides } from './bootstrap.js';
import { ConfigError } from './config/config-error.js';
import { loadConfig } from './config/environment.js';
import { startEarly } from './platform/database/early-server.js';

/** Milliseconds after which a shutdown is cut short. */
const patienceMs = 9500;

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const complain = (text: string): void => void process.stderr.write(`${text}\n`);

async function main(overrides: AppOverrides): Promise<void> {
  const config = loadConfig();
  // The database starts in a thread of its own meanwhile: loading takes most of the time of a start.
  startEarly(config);
  const { createApp } = await import('./bootstrap.js');
  const { newPasswordLine, startLines } = await import('./start-lines.js');
  const app = await createApp(config, overrides);
  stopOnSignals(app);
  await logStrays();
  try {
    await app.listen(config.port, addressOf(config.host));
  } catch (error) {
    // A start that fails after the first administrator was made must not take their password along.
    const password = newPasswordLine(app);
    if (password) say(password);
    await app.close();
    throw error;
  }
  say(startLines(app, config));
  const { ImageWarmup } = await import('./core/runtimes/image-warmup.service.js');
  void app.get(ImageWarmup).run();
}

/** A name would make Fastify open a second server, which knows no WebSockets. */
const addressOf = (host: string): string => (host === 'localhost' ? '127.0.0.1' : host);

/** One forgotten promise must not end a whole fleet; anything worse must, and the next start picks the work up. */
async function logStrays(): Promise<void> {
  const { Logger } = await import('@nestjs/common');
  const logger = new Logger('Process');
  process.on('unhandledRejection', (reason) => logger.error('an error was not handled', asError(reason)));
  process.on('uncaughtException', (error) => {
    logger.fatal('the server cannot go on', error);
    process.exit(1);
  });
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

function stopOnSignals(app: NestFastifyApplication): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) process.exit(130);
    stopping = true;
    say(`${signal}: stopping`);
    setTimeout(() => {
      complain('some work did not end in time; it is picked up at the next start');
      process.exit(0);
    }, patienceMs).unref();
    app.close().then(
      () => process.exit(0),
      (error: unknown) => {
        complain(`stopped with an error: ${sentenceOf(error)}`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

/** What went wrong at the start, in one clear sentence per mistake. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.problems.map((problem) => `- ${problem}`).join('\n');
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return 'The port is in use by another program: set FLOTILLA_PORT to another one.';
  if (code === 'EADDRNOTAVAIL') return 'FLOTILLA_HOST is not an address of this machine.';
  if (code === 'EACCES') return 'This user may not listen on that port: set FLOTILLA_PORT to 1024 or more.';
  return sentenceOf(error);
}

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Starts the server and stays until it is stopped; `overrides` are for tests that kill the process. */
export function run(overrides: AppOverrides = {}): void {
  main(overrides).catch((error: unknown) => {
    complain(`Flotilla cannot start:\n${explain(error)}`);
    process.exit(1);
  });
}

if (require.main === module) run();
