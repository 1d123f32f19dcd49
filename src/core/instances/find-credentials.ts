import { ChannelError, type Channel } from './channel.port.js';

/** Folders in which packages keep certificates of their own, and what other agents share: none of it is this agent's. */
const passedOver = ['node_modules', 'site-packages', 'dist-packages', '.git', '.cache', '.npm', '.cargo', '.rustup'];
const passedPaths = ['./shared-in', './shared-out'];
const paths = ['./.env', './.mcp.json', './.kube/config', './.ssh/id_*', './.config/gcloud/*'];
const endings = ['pem', 'key', 'crt', 'cert', 'p12', 'pfx'];

const anyOf = (option: string, values: readonly string[]): string[] =>
  values.flatMap((value, at) => [...(at === 0 ? [] : ['-o']), option, value]);

const argv = [
  ...['find', '.', '-xdev', '(', '-type', 'd', '(', ...anyOf('-name', passedOver)],
  ...['-o', ...anyOf('-path', passedPaths), ')', '-prune', ')'],
  ...['-o', '-type', 'f', '(', ...anyOf('-path', paths), '-o'],
  ...[
    ...anyOf(
      '-iname',
      endings.map((ending) => `*.${ending}`),
    ),
    ')',
    '-print0',
  ],
];

/** Regular files in the home that may be credentials, sorted. Links are not followed, other file systems not entered. */
export async function findCredentials(channel: Channel): Promise<string[]> {
  const { stdout, cut } = await channel.run({ argv, maxOutputBytes: 2 ** 20, timeoutMs: 60_000 });
  if (cut) throw new ChannelError('too_large', 'too many files');
  const found = stdout.toString('utf8').split('\0').filter(Boolean);
  return found.map((path) => path.replace(/^\.\//, '')).sort();
}
