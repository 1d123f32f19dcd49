import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AgentShare } from '../../src/core/agents/agent-share.entity.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import type { TrinityClient } from '../support/trinity-client.js';
import { until } from '../support/until.js';
import { hostile, raw, up } from './support/hostile-paths.js';
import { type Raw, Wire } from './support/wire.js';

const races = Number(process.env.FLOTILLA_PATH_RACES ?? 100);
const canary = 'outside-canary-4711';

/** Things an agent makes in its own home, to be asked for by name. */
const links: Readonly<Record<string, string>> = {
  'to-file': 'ln -s /etc/passwd to-file',
  'to-folder/passwd': 'ln -s /etc to-folder',
  'to-root/etc/passwd': 'ln -s / to-root',
  'to-parent/../../../../etc/passwd': 'ln -s .. to-parent',
  'to-proc/root/etc/passwd': 'ln -s /proc/self to-proc',
  'to-fd': 'ln -s /proc/self/fd/0 to-fd',
  'chain-a': 'ln -s chain-b chain-a; ln -s /etc/passwd chain-b',
  relative: `ln -s ${up(12)}etc/passwd relative`,
  'nested/deep/link/passwd': 'mkdir -p nested/deep; ln -s /etc nested/deep/link',
  loop: 'ln -s loop loop',
  dangling: 'ln -s /no/such/file dangling',
  pipe: 'mkfifo pipe',
  socket: `perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket", Listen => 1)'`,
  'to-device': 'ln -s /dev/zero to-device',
  'to-tty': 'ln -s /dev/tty to-tty',
  'to-canary': 'ln -s CANARY to-canary',
  'to-key': 'ln -s MASTERKEY to-key',
};

describe('S22: paths of files', () => {
  let fleet: Fleet;
  let wire: Wire;
  let guest: TrinityClient;
  const name = 'paths-agent';
  beforeAll(async () => {
    fleet = await bootFleet();
    wire = new Wire(fleet.url);
    await fleet.givenAgent(name);
    guest = await fleet.givenUser('guest', { email: 'guest@example.com' });
    const [agent] = await fleet.db.query<{ id: string; owner_id: string }>('select id, owner_id from agents', []);
    const share = { agentId: agent?.id ?? '', email: 'guest@example.com', sharedById: agent?.owner_id ?? '' };
    await fleet.db.of(AgentShare).insert({ ...share, createdAt: new Date() });
    writeFileSync(join(fleet.dataDir, 'canary.txt'), canary);
    await shell(
      'echo hi > hello.txt; echo SECRET=guest-must-not > .env; mkdir -p .ssh sub; echo guest-must-not > .ssh/id_ed25519',
    );
    const made = Object.values(links).join('; ');
    await shell(
      made.replace('CANARY', join(fleet.dataDir, 'canary.txt')).replace('MASTERKEY', join(fleet.dataDir, 'master.key')),
    );
  }, 180_000);
  afterAll(async () => {
    wire.close();
    await fleet.close();
  });

  /** Runs a command as the agent, in its home. */
  async function shell(command: string): Promise<void> {
    const { status, body } = await fleet.chat(name, `<<bash ${command.replaceAll('>', '\\>')}>>`);
    if (status !== 200) throw new Error(JSON.stringify(body));
  }
  const get = (route: string, path: string, as: TrinityClient = fleet.admin): Promise<Raw> =>
    wire.send({
      method: 'GET',
      path: `/api/agents/${name}/${route}${route.includes('?') ? '&' : '?'}path=${path}`,
      headers: { authorization: `Bearer ${as.token ?? ''}` },
      // An agent that swaps files as fast as it can keeps a small machine busy.
      patience: 30_000,
    });
  const leaked = ({ text }: Raw): boolean =>
    /root:.*:0:0:|guest-must-not|PATH=/.test(text) ||
    text.includes(canary) ||
    text.includes(fleet.config.masterKey.reveal());

  it(`gives nothing from outside for ${hostile.length} hostile paths`, async () => {
    const wrong: string[] = [];
    for (const path of hostile) {
      for (const route of ['files/download', 'files', 'files?show_hidden=true']) {
        const answer = await get(route, raw(path));
        const home = route !== 'files/download' && path === '/home/developer';
        const good = home ? [200] : [400, 403, 404, 422];
        if (!good.includes(answer.status) || (leaked(answer) && !home)) {
          wrong.push(`${route} ${path.slice(0, 60)}: ${answer.status} ${answer.text.slice(0, 100)}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('gives a good file in every honest spelling', async () => {
    for (const path of [
      'hello.txt',
      './hello.txt',
      'sub/../hello.txt',
      '/home/developer/hello.txt',
      '/workspace/hello.txt',
      'hello.txt/.',
    ]) {
      expect(await get('files/download', path)).toMatchObject({ status: 200, text: 'hi\n' });
    }
  });

  it.each(Object.keys(links))('follows no %s', async (path) => {
    for (const route of ['files/download', 'files?show_hidden=true']) {
      const answer = await get(route, raw(path));
      expect([400, 403, 404, 422]).toContain(answer.status);
      expect(leaked(answer)).toBe(false);
    }
  });

  it('lists links and special files without looking behind them', async () => {
    const answer = await get('files?show_hidden=true', '');
    expect(answer.status).toBe(200);
    expect(leaked(answer)).toBe(false);
    expect(answer.text).not.toContain('passwd');
  });

  it('keeps credential files from a guest, in every spelling, and from lists', async () => {
    await shell('ln -s .env pub; ln -s .ssh keys; ln -s . here');
    const spellings = [
      ...[
        '.env',
        './.env',
        'sub/../.env',
        '/workspace/.env',
        '/home/developer//.env',
        '.env/',
        'pub',
        'here/.env',
        '.ENV',
      ],
      ...[
        '.ssh/id_ed25519',
        '.ssh//id_ed25519',
        'keys/id_ed25519',
        'here/keys/id_ed25519',
        'here/here/.ssh/./id_ed25519',
      ],
    ];
    for (const path of spellings) {
      const answer = await get('files/download', path, guest);
      expect({ path, refused: [403, 404].includes(answer.status), leaked: leaked(answer) }).toEqual({
        path,
        refused: true,
        leaked: false,
      });
    }
    expect((await get('files/download', 'hello.txt', guest)).status).toBe(200);
    expect((await get('files/download', '.env')).status).toBe(200);
    for (const path of ['', '.ssh', 'keys', 'here']) {
      const { text } = await get('files?show_hidden=true', path, guest);
      expect(text).not.toMatch(/"\.env"|id_ed25519/);
    }
  });

  it(`loses no race: a file that turns into a link, ${races} times`, async () => {
    const swap =
      'mkdir -p race; echo hi > race/good; while true; do cp race/good race/f; ln -sfn /etc/passwd race/f; rm -f race/f; done';
    await shell(`nohup sh -c '${swap}' > /dev/null 2>&1 &`);
    await until('it swaps', async () => (await get('files/download', 'race/good')).status === 200);
    const seen = new Map<number, number>();
    for (let at = 0; at < races; at += 10) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => get('files/download', 'race/f')));
      for (const answer of answers) {
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1);
        expect(leaked(answer)).toBe(false);
        expect([200, 400, 403, 404]).toContain(answer.status);
      }
    }
    // The race was on: more than one of the states was met.
    expect(seen.size).toBeGreaterThan(1);
  }, 300_000);
});
