import { ConfigError } from './config/config-error.js';
import { loadKeyChange } from './config/key-change.js';
import { rotateMasterKey } from './core/rotation/master-key-rotation.js';
import { openDatabase } from './platform/database/open-database.js';
import { UnitOfWork } from './platform/database/unit-of-work.js';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Seals everything in the database under a new master key. The server has to be stopped; agents may run on. */
async function main(): Promise<void> {
  const change = loadKeyChange();
  const source = await openDatabase(change.config);
  try {
    const { changed, sealed, unreadable } = await rotateMasterKey(
      new UnitOfWork(source),
      change.config.masterKey,
      change.next,
    );
    say(
      changed
        ? `${sealed} values are sealed under the new master key.`
        : 'The database has the new master key already.',
    );
    for (const place of unreadable) say(`Not changed, because the old key does not open it either: ${place}`);
    for (const sentence of change.finish()) say(sentence);
    say('Everybody signs in again.');
  } finally {
    await source.destroy();
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.problems.join('\n');
  return error instanceof Error ? error.message : String(error);
}

if (require.main === module) {
  main().catch((error: unknown) => {
    process.stderr.write(`The master key was not changed:\n${explain(error)}\n`);
    process.exitCode = 1;
  });
}
