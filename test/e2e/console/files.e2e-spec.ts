import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import { until } from '../../support/until.js';

const bytes = { 'content-type': 'application/octet-stream' };
const at = (path: string, agent = 'files'): string =>
  `/~console/agents/${agent}/files?path=${encodeURIComponent(path)}`;

describe('uploads', () => {
  let fleet: Fleet;
  let token: string;
  beforeAll(async () => {
    fleet = await bootFleet();
    token = fleet.admin.token ?? '';
    await fleet.givenAgent('files');
    await fleet.chat('files', '<<bash printf "#!/bin/sh\\n" > run.sh; chmod 0755 run.sh; mkdir src; ln -s /etc out>>');
  });
  afterAll(() => fleet.close());

  const upload = (path: string, body: Buffer | string, agent?: string) =>
    fleet.request('PUT', at(path, agent), { token, body, headers: bytes });
  const read = async (path: string): Promise<Buffer> => {
    const address = `${fleet.url}/api/agents/files/files/download?path=${encodeURIComponent(path)}`;
    const answer = await fetch(address, { headers: { authorization: `Bearer ${token}` } });
    return Buffer.from(await answer.arrayBuffer());
  };

  it.each([
    ['no text', 'a.bin', Buffer.from([0, 255, 254, 0x80, 10, 13])],
    ['nothing', 'empty.bin', Buffer.alloc(0)],
    ['more than one piece', 'deep/er/large.bin', randomBytes(3 * 2 ** 20 + 1)],
    ['less than there was', 'deep/er/large.bin', randomBytes(5)],
    ['what looks like JSON', 'ü b.json', Buffer.from('{"content":"x"}')],
  ])('of %s arrive as they were sent', async (_, path, content) => {
    const { status, body } = await upload(path, content);
    expect([status, body]).toEqual([200, { path, size: content.length }]);
    expect((await read(path)).equals(content)).toBe(true);
  });

  it('keep the permissions of a file that is there, and are recorded', async () => {
    await upload('run.sh', '#!/bin/sh\necho ran > ran.txt\n');
    await fleet.chat('files', '<<bash ./run.sh>>');
    expect(String(await read('ran.txt'))).toBe('ran\n');
    const rows = await fleet.db.query(
      `select 1 from audit where action = 'agent.file_written' and data ->> 'path' = 'run.sh'`,
    );
    expect(rows).toHaveLength(1);
  });

  it('that break off leave what was there, and nothing beside it', async () => {
    await upload('broken/kept.bin', 'as it was');
    const path = at('broken/kept.bin');
    const headers = { ...bytes, authorization: `Bearer ${token}`, 'content-length': String(50 * 2 ** 20) };
    const sending = request(fleet.url + path, { method: 'PUT', headers });
    sending.on('error', () => undefined);
    await new Promise<void>((resolve) => sending.write(Buffer.alloc(4 * 2 ** 20, 1), () => resolve()));
    const names = async (): Promise<string[]> => {
      const { body } = await fleet.admin.get('/api/agents/files/files?path=broken&show_hidden=true');
      return (body['tree'] as { name: string }[]).map(({ name }) => name);
    };
    await until('a draft is being written', async () => (await names()).length === 2);
    sending.destroy();
    await until('the draft is gone', async () => (await names()).length === 1);
    expect(String(await read('broken/kept.bin'))).toBe('as it was');
  });

  it('that are refused on the way are answered all the same', async () => {
    const { status, body } = await upload('src', randomBytes(5 * 2 ** 20));
    expect([status, body]).toEqual([400, { error: expect.objectContaining({ code: 'is_a_directory' }) }]);
    expect((await upload('after.bin', 'next on this connection')).status).toBe(200);
  });

  it('of more than 100 MB are refused unread where they say so beforehand', async () => {
    const size = 100 * 2 ** 20 + 1;
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...bytes, authorization: `Bearer ${token}`, 'content-length': String(size) };
      const call = request(fleet.url + at('huge.bin'), { method: 'PUT', headers }, (answer) => {
        resolve(answer.statusCode);
        call.destroy();
      });
      call.on('error', reject);
      call.flushHeaders();
    });
    expect(status).toBe(413);
    expect(String(await read('huge.bin'))).toContain('not found');
  });

  it.each<[string, string, Record<string, string>, number]>([
    ['another type', at('x'), { 'content-type': 'application/json' }, 415],
    ['no type', at('x'), {}, 415],
    ['no path', '/~console/agents/files/files', bytes, 400],
    ['a path out of the home', at('../x'), bytes, 403],
    ['a link out of the home', at('out/x'), bytes, 403],
    ['a protected path', at('.git/hooks/x'), bytes, 403],
    ['a folder', at('src'), bytes, 400],
    ['an agent that is not there', at('x', 'nobody'), bytes, 404],
  ])('with %s are refused', async (_, path, headers, status) => {
    const body = Buffer.from('{}');
    const answer = await fleet.request('PUT', path, { token, body, headers });
    expect([answer.status, answer.body]).toEqual([status, { error: expect.any(Object) }]);
  });

  it('are for those who may work with the agent, while it runs', async () => {
    expect((await fleet.request('PUT', at('x'), { body: 'x', headers: bytes })).status).toBe(401);
    const other = (await fleet.givenUser('stranger', { signedIn: true })).token ?? '';
    expect((await fleet.request('PUT', at('x'), { token: other, body: 'x', headers: bytes })).status).toBe(404);
    await fleet.admin.post('/api/agents/files/stop');
    const { status, body } = await upload('x', 'x');
    expect([status, body]).toEqual([400, { error: expect.objectContaining({ code: 'agent_not_running' }) }]);
  });
});
