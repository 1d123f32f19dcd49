import { execFile } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { asUser } from './local-exec.js';

const probeUid = 20_000;

/**
 * Whether instances can have users of their own: as root, when those can reach `folder`. The folder and its parent (the
 * data folder) are opened for passing, never for listing.
 */
export function canSwitchUsers(folder: string): Promise<boolean> {
  if (process.getuid?.() !== 0) return Promise.resolve(false);
  for (const one of [dirname(folder), folder]) {
    const { mode } = statSync(one);
    if ((mode & 0o011) !== 0o011) chmodSync(one, (mode & 0o7777) | 0o011);
  }
  return new Promise((resolve) => {
    execFile('env', [...asUser(probeUid), 'test', '-x', folder], { env: { PATH: '/usr/bin:/bin' } }, (error) =>
      resolve(!error),
    );
  });
}

/** What the local engine cannot do, in words for people. */
export function warningsOf(ownUsers: boolean): string[] {
  const always = 'The local engine runs agents as plain processes: nothing isolates them and no limit is enforced.';
  if (ownUsers) return [always];
  const why = process.getuid?.() === 0 ? 'their users cannot reach the data folder' : 'this is not root';
  return [always, `Agents run as the server's own user, because ${why}: they can read its files and forge approvals.`];
}
