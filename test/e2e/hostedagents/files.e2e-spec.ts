import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { largestUpload, largestUploads } from '../../../src/core/instances/upload.rules.js';
import { bootFleet, type Fleet } from '../../support/fleet.js';
import type { Answer } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';
import { Talk } from './support.js';

/** Files handed to an agent (contract 4; behavioural test 14). */
describe('files for an agent', () => {
  let fleet: Fleet;
  let talk: Talk;
  let folder: string;
  beforeAll(async () => {
    fleet = await bootFleet();
    talk = await Talk.with(fleet, 'keeper');
    const { ref } = await fleet.instanceOf('keeper');
    folder = `${fleet.engine.pathOf(ref ?? '', 'home')}/uploads`;
  });
  afterAll(() => fleet.close());

  const text = expect.stringMatching(/./) as string;
  const refusal = (code: string): unknown => expect.objectContaining({ error: text, code });
  const listed = async (): Promise<[string, number][]> => {
    const { body } = await talk.get<{ files: { name: string; size: number }[] }>('/files');
    return body.files.map(({ name, size }) => [name, size]);
  };

  async function send(form: FormData | string, headers: Record<string, string> = {}): Promise<Answer> {
    const authorization = `Bearer ${talk.hosted.token ?? ''}`;
    const init = { method: 'POST', headers: { authorization, ...headers }, body: form };
    const response = await fetch(fleet.url + talk.path('/files'), init);
    return { status: response.status, body: (await response.json()) as Answer['body'], headers: response.headers };
  }

  function upload(name: string, content: string | Uint8Array<ArrayBuffer>, type = 'text/plain'): Promise<Answer> {
    const form = new FormData();
    form.append('file', new Blob([content], { type }), name);
    return send(form);
  }

  it('lie where the agent can read them, and are listed and deleted', async () => {
    expect((await talk.get('/files')).body).toEqual({ files: [], totalBytes: 0, maxBytes: 104_857_600 });
    const { status, body } = await upload('spec.pdf', '%PDF-1.7 hello', 'application/x-nonsense');
    expect([status, body]).toEqual([
      200,
      {
        uploaded: true,
        file: { name: 'spec.pdf', path: '/workspace/uploads/spec.pdf', size: 14, type: 'application/pdf' },
        totalBytes: 14,
      },
    ]);
    const session = await talk.say('<<read uploads/spec.pdf>>');
    await talk.idle();
    const parts = (await talk.messages(`?sessionId=${session}`)).flatMap((message) => message.parts);
    expect(parts.find(({ type }) => type === 'tool')?.['state']).toMatchObject({ output: '%PDF-1.7 hello' });
    expect((await talk.get<{ files: unknown[] }>('/files')).body.files).toEqual([
      { name: 'spec.pdf', path: '/workspace/uploads/spec.pdf', size: 14, uploadedAt: text },
    ]);
    expect((await talk.hosted.delete(talk.path('/files/spec.pdf'))).body).toEqual({ deleted: true });
    const again = await talk.hosted.delete(talk.path('/files/spec.pdf'));
    expect([again.status, again.body]).toEqual([404, refusal('file_not_found')]);
    expect(await listed()).toEqual([]);
  });

  it('are called by the last part of their name, and replace what was called so', async () => {
    for (const [given, name] of [
      ['../../x', 'x'],
      ['/etc/größe 文.md', 'größe 文.md'],
      ['..hidden', 'hidden'],
    ] as const) {
      expect((await upload(given, given)).body).toMatchObject({ file: { name, size: Buffer.byteLength(given) } });
    }
    expect((await upload('x', '')).body).toMatchObject({ file: { name: 'x', size: 0 } });
    expect(await listed()).toEqual([
      ['größe 文.md', 19],
      ['hidden', 8],
      ['x', 0],
    ]);
    for (const bad of ['..', '...', 'y'.repeat(201)]) expect((await upload(bad, 'y')).status).toBe(400);
    for (const [name] of await listed()) await talk.hosted.delete(talk.path(`/files/${encodeURIComponent(name)}`));
  });

  it('are refused when they are programs, by name or by content', async () => {
    for (const name of ['x.exe', 'X.EXE', 'a.so', 'a.tar.deb']) {
      expect((await upload(name, 'text')).body).toEqual(refusal('file_type_not_allowed'));
    }
    expect((await upload('innocent.txt', '\x7fELF\x02\x01\x01')).body).toEqual(refusal('file_type_not_allowed'));
    expect((await upload('innocent.txt', `MZ\x00\x03${'x'.repeat(100)}`)).body).toEqual(
      refusal('file_type_not_allowed'),
    );
    expect((await upload('tool.sh', '#!/bin/sh\necho hi\n')).status).toBe(200);
    await talk.hosted.delete(talk.path('/files/tool.sh'));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('come one at a time, in a form', async () => {
    const two = new FormData();
    two.append('file', new Blob(['a'.repeat(300_000)]), 'a.txt');
    two.append('file', new Blob(['b']), 'b.txt');
    expect((await send(two)).body).toEqual(refusal('invalid_request'));
    const none = new FormData();
    none.append('other', 'x');
    none.append('file', 'a field, not a file');
    expect((await send(none)).body).toEqual(refusal('file_missing'));
    const elsewhere = new FormData();
    elsewhere.append('document', new Blob(['a']), 'a.txt');
    expect((await send(elsewhere)).body).toEqual(refusal('file_missing'));
    expect((await send(new FormData())).body).toEqual(refusal('file_missing'));
    expect((await send('{}', { 'content-type': 'application/json' })).body).toEqual(refusal('invalid_request'));
    const broken = { 'content-type': 'multipart/form-data; boundary=x' };
    const cut = '--x\r\ncontent-disposition: form-data; name="file"; filename="cut.txt"\r\n\r\nhalf of it';
    expect((await send(cut, broken)).body).toEqual(refusal('invalid_request'));
    expect((await send('x', { 'content-type': 'multipart/form-data' })).body).toEqual(refusal('invalid_request'));
    const nameless =
      '--x\r\ncontent-disposition: form-data; name="file"\r\ncontent-type: application/octet-stream\r\n\r\nx\r\n--x--\r\n';
    expect((await send(nameless, broken)).body).toEqual(refusal('invalid_request'));
    expect(readdirSync(folder)).toEqual([]);
  });

  it('may fill the folder to the last byte, and not a byte more', async () => {
    const full = new Uint8Array(largestUpload);
    expect((await upload('more.bin', new Uint8Array(largestUpload + 1))).body).toEqual(refusal('file_too_large'));
    expect(readdirSync(folder)).toEqual([]);
    expect((await upload('one.bin', full)).body).toMatchObject({ totalBytes: largestUpload });
    expect((await upload('two.bin', full)).body).toMatchObject({ totalBytes: largestUploads });
    expect((await upload('three.bin', 'x')).body).toEqual(refusal('storage_limit'));
    // One that replaces another of its name needs its room only once.
    expect((await upload('two.bin', full)).status).toBe(200);
    expect(readdirSync(folder).sort()).toEqual(['one.bin', 'two.bin']);
    await talk.hosted.delete(talk.path('/files/two.bin'));
    // Two that would fit alone, and not together, end at once.
    const half = new Uint8Array(30 * 2 ** 20);
    const answers = await Promise.all([upload('a.bin', half), upload('b.bin', half)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400]);
    for (const [name] of await listed()) await talk.hosted.delete(talk.path(`/files/${name}`));
    expect(readdirSync(folder)).toEqual([]);
  }, 180_000);

  it('leave nothing behind when their sender goes away', async () => {
    const { hostname, port } = new URL(fleet.url);
    const socket = connect(Number(port), hostname);
    const head = [
      `POST ${talk.path('/files')} HTTP/1.1`,
      'host: x',
      `authorization: Bearer ${talk.hosted.token ?? ''}`,
      'content-type: multipart/form-data; boundary=x',
      'content-length: 9000000',
    ];
    const part = '--x\r\ncontent-disposition: form-data; name="file"; filename="gone.bin"\r\n\r\n';
    socket.write(`${head.join('\r\n')}\r\n\r\n${part}${'x'.repeat(2_000_000)}`);
    await until('the upload has begun', () => readdirSync(folder).length === 1);
    socket.destroy();
    await until('nothing of it is left', () => readdirSync(folder).length === 0);
  });

  it('are not held in memory', async () => {
    await upload('warm.bin', new Uint8Array(2 ** 20));
    const pieces = 50;
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    let most = 0;
    const before = process.memoryUsage().arrayBuffers;
    async function* body(): AsyncGenerator<Buffer> {
      yield Buffer.from('--x\r\ncontent-disposition: form-data; name="file"; filename="big.bin"\r\n\r\n');
      for (let piece = 0; piece < pieces; piece += 1) {
        yield Buffer.alloc(2 ** 20);
        if (piece % 5 > 0) continue;
        // What is only not collected yet is nobody's.
        collect();
        most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      }
      yield Buffer.from('\r\n--x--\r\n');
    }
    const response = await fetch(fleet.url + talk.path('/files'), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${talk.hosted.token ?? ''}`,
        'content-type': 'multipart/form-data; boundary=x',
      },
      body: body(),
      duplex: 'half',
    });
    expect(response.status).toBe(200);
    expect(readFileSync(`${folder}/big.bin`)).toHaveLength(largestUpload);
    // The pieces of the test itself are among them.
    expect(most).toBeLessThan(24 * 2 ** 20);
    for (const [name] of await listed()) await talk.hosted.delete(talk.path(`/files/${name}`));
  }, 120_000);

  it('are not written through a link the agent made', async () => {
    await talk.say('<<bash rm -rf uploads && mkdir elsewhere && ln -s elsewhere uploads>>');
    await talk.idle();
    const { status, body } = await upload('a.txt', 'a');
    expect([status, body]).toEqual([502, refusal('write_failed')]);
    expect(readdirSync(`${folder}/../elsewhere`)).toEqual([]);
    await talk.say('<<bash rm uploads>>');
    await talk.idle();
  });

  it('need an agent that runs', async () => {
    await fleet.admin.post('/api/agents/keeper/stop');
    expect((await upload('a.txt', 'a')).body).toEqual(refusal('agent_not_running'));
    expect((await talk.hosted.delete(talk.path('/files/a.txt'))).body).toEqual(refusal('agent_not_running'));
  });
});
