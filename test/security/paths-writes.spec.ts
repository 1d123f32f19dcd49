import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { publicIdOf } from '../../src/dialects/hostedagents/words.js';
import { LinkAddresses } from '../../src/core/links/link-addresses.js';
import { bootFleet, type Fleet } from '../support/fleet.js';
import { hostile, raw } from './support/hostile-paths.js';
import { type Raw, Wire } from './support/wire.js';

const races = Number(process.env.FLOTILLA_PATH_RACES ?? 100);
const canary = 'outside-canary-4712';
const name = 'paths-writer';

describe('S22: paths of files that are written', () => {
  let fleet: Fleet;
  let wire: Wire;
  afterAll(async () => {
    wire.close();
    await fleet.close();
  });
  /** Runs a command as the agent, in its home. */
  async function shell(command: string): Promise<void> {
    const { status, body } = await fleet.chat(name, `<<bash ${command.replaceAll('>', '\\>')}>>`);
    if (status !== 200) throw new Error(JSON.stringify(body));
  }
  const other = 'paths-host';
  let token = '';
  let agentId = '';
  let page = '';
  beforeAll(async () => {
    fleet = await bootFleet();
    wire = new Wire(fleet.url);
    await fleet.givenAgent(name);
    writeFileSync(join(fleet.dataDir, 'canary.txt'), canary);
    token = (await fleet.hosted()).token ?? '';
    const instance = await fleet.instanceOf(name);
    agentId = publicIdOf(instance.agentId);
    // Folders and files of this side that nobody may change; and one that is not there, and must not come to be.
    mkdirSync(join(fleet.dataDir, other), { recursive: true });
    writeFileSync(join(fleet.dataDir, other, 'kept'), canary);
    // Open to the agent's user as well, so that only the path stands in the way.
    chmodSync(join(fleet.dataDir, other), 0o777);
    chmodSync(join(fleet.dataDir, other, 'kept'), 0o666);
    await shell(
      [
        `ln -s ${join(fleet.dataDir, other)} out`,
        `ln -s ${join(fleet.dataDir, other, 'kept')} out-file`,
        `ln -s ${join(fleet.dataDir, other, 'new')} out-new`,
        'mkdir -p uploads/sub',
        `ln -s ${join(fleet.dataDir, other)} uploads/out`,
        `ln -s ${join(fleet.dataDir, other, 'kept')} uploads/link`,
      ].join('; '),
    );
    const [session] = await fleet.db.query<{ id: string }>('select id from sessions');
    page = new URL(fleet.app.get(LinkAddresses).sessionUrl(session?.id ?? '')).pathname;
  }, 180_000);

  /** Everything below the data folder but what agents and the database keep for themselves, with its content. */
  const outside = (): string =>
    JSON.stringify({
      canary: readFileSync(join(fleet.dataDir, 'canary.txt'), 'utf8'),
      kept: readFileSync(join(fleet.dataDir, other, 'kept'), 'utf8'),
      beside: readdirSync(join(fleet.dataDir, other)),
      folder: readdirSync(fleet.dataDir).sort(),
      passwd: statSync('/etc/passwd').mtimeMs,
      tmp: ['/tmp/x', '/tmp/pwned', '/pwned', '/home/pwned'].filter((path) => existsSync(path)),
    });
  const write = (
    method: string,
    path: string,
    body: string | Buffer | null,
    type: string,
    as = fleet.admin.token ?? '',
  ) =>
    wire.send({
      method,
      path,
      headers: { authorization: `Bearer ${as}`, ...(body === null ? {} : { 'content-type': type }) },
      body,
      patience: 30_000,
    });
  const form = (file: string): Buffer =>
    Buffer.from(
      `--edge\r\ncontent-disposition: form-data; name="file"; filename="${file}"\r\ncontent-type: text/plain\r\n\r\npwned\r\n--edge--\r\n`,
    );
  const json = 'application/json';
  const at = `/api/agents/${name}/files`;
  /** Everything that changes or shows a file by its path. */
  const ways: Readonly<Record<string, (path: string) => Promise<Raw>>> = {
    preview: (path) => write('GET', `${at}/preview?path=${path}`, null, json),
    put: (path) => write('PUT', `${at}?path=${path}`, '{"content":"pwned"}', json),
    delete: (path) => write('DELETE', `${at}?path=${path}`, null, json),
    mkdir: (path) => write('POST', `${at}/mkdir`, JSON.stringify({ path: decoded(path) }), json),
    upload: (path) => write('PUT', `/~console/agents/${name}/files?path=${path}`, 'pwned', 'application/octet-stream'),
    hand: (path) =>
      write(
        'POST',
        `/api/v1/agents/${agentId}/files`,
        form(decoded(path)),
        'multipart/form-data; boundary=edge',
        token,
      ),
    take: (path) =>
      write('DELETE', `/api/v1/agents/${agentId}/files/${path.replaceAll('/', '%2f')}`, null, json, token),
    visit: (path) => write('POST', `${page}/files`, form(decoded(path)), 'multipart/form-data; boundary=edge', ''),
  };
  /** A name in a form and a path in a body are not percent-encoded. */
  const decoded = (path: string): string => {
    try {
      return decodeURIComponent(path).replace(/["\r\n]/g, '_');
    } catch {
      return path;
    }
  };

  /** Ways in which a file is called something, without a path. */
  const named = new Set(['hand', 'visit']);

  it.each(Object.keys(ways))(
    '%s touches nothing outside, for every hostile path',
    async (way) => {
      const before = outside();
      const wrong: string[] = [];
      const counts = new Map<number, number>();
      for (const path of [
        ...hostile,
        'out',
        'out/new',
        'out/kept',
        'out-file',
        'out-new',
        'sub/../out/new',
        'link',
        'out/../kept',
      ]) {
        const answer = await (ways[way] as (path: string) => Promise<Raw>)(raw(path));
        counts.set(answer.status, (counts.get(answer.status) ?? 0) + 1);
        if (answer.status >= 500 || answer.text.includes(canary) || /root:.*:0:0:/.test(answer.text))
          wrong.push(`${path.slice(0, 60)}: ${answer.status} ${answer.text.slice(0, 100)}`);
        const stored = named.has(way) && answer.status < 300 ? /"(?:name|path)":"([^"]*)"/.exec(answer.text)?.[1] : '';
        if (stored === undefined || /[/\\]|^\.\.?$/.test(stored.replace('/workspace/uploads/', ''))) {
          wrong.push(`${path.slice(0, 60)}: stored as ${String(stored)}`);
        }
        if (outside() !== before)
          wrong.push(`${path.slice(0, 60)}: ${answer.status}, and something outside is changed`);
      }
      expect(wrong).toEqual([]);
      // Most of them are refused. An upload keeps the last part of a name only, so that none of it is a path.
      const refused = [...counts].reduce((sum, [status, count]) => sum + (status >= 400 ? count : 0), 0);
      const enough = refused >= (named.has(way) ? 0 : 10);
      expect({ way, enough, counts: [...counts] }).toMatchObject({ way, enough: true });
    },
    120_000,
  );

  it(`loses no race: a folder that turns into a link to the outside, ${races} writes`, async () => {
    const before = outside();
    const out = join(fleet.dataDir, other);
    const swap = `mkdir -p turn/real; cd turn; while true; do rm -rf f; mkdir f; rm -rf f; ln -sfn ${out} f; done`;
    await shell(`nohup sh -c '${swap}' > /dev/null 2>&1 & echo $! > swapper`);
    const seen = new Map<number, number>();
    for (let round = 0; round < races; round += 10) {
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, n) => {
          const path = `turn/f/made-${n}`;
          if (n % 5 === 0) return (ways['mkdir'] as (path: string) => Promise<Raw>)(path);
          if (n % 5 === 1) return (ways['upload'] as (path: string) => Promise<Raw>)(path);
          if (n % 5 === 2) return (ways['delete'] as (path: string) => Promise<Raw>)('turn/f/kept');
          return (ways['put'] as (path: string) => Promise<Raw>)(path);
        }),
      );
      for (const { status, text } of answers) {
        seen.set(status, (seen.get(status) ?? 0) + 1);
        expect({ status: status < 500, text: status < 500 ? '' : text }).toEqual({ status: true, text: '' });
      }
      expect(outside()).toBe(before);
    }
    await shell('kill $(cat swapper)');
    expect(seen.size).toBeGreaterThan(1);
  }, 300_000);
});
