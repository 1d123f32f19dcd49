import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { demux } from './demux.js';

function frame(stream: 1 | 2, data: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head[0] = stream;
  head.writeUInt32BE(data.length, 4);
  return Buffer.concat([head, data]);
}

function split() {
  const [source, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  demux(source, stdout, stderr);
  source.once('end', () => {
    stdout.end();
    stderr.end();
  });
  return { source, stdout, stderr };
}

describe('demux', () => {
  it.each([1, 3, 7, 8, 9, 64])('takes streams apart when bytes arrive %s at a time', async (size) => {
    const { source, stdout, stderr } = split();
    const sent = Buffer.concat([
      frame(1, Buffer.from('one ')),
      frame(2, Buffer.from('bad')),
      frame(1, Buffer.alloc(0)),
      frame(1, Buffer.from('two')),
    ]);
    for (let at = 0; at < sent.length; at += size) source.write(sent.subarray(at, at + size));
    source.end();
    expect([(await buffer(stdout)).toString(), (await buffer(stderr)).toString()]).toEqual(['one two', 'bad']);
  });

  it('reads nothing more while a receiver is full, and every byte in the end', async () => {
    const { source, stdout, stderr } = split();
    const errors = buffer(stderr);
    const data = Buffer.alloc(64 * 1024, 'x');
    let accepted = 0;
    while (source.write(frame(1, data)) && accepted < 100) accepted++;
    await new Promise(setImmediate);
    expect(source.isPaused()).toBe(true);
    source.end(frame(2, Buffer.from('late')));
    expect((await buffer(stdout)).length).toBe((accepted + 1) * data.length);
    expect((await errors).toString()).toBe('late');
  });

  it('goes on when a receiver has gone', async () => {
    const { source, stdout, stderr } = split();
    source.write(frame(1, Buffer.alloc(256 * 1024)));
    await new Promise(setImmediate);
    stdout.destroy();
    source.end(frame(2, Buffer.from('still here')));
    expect((await buffer(stderr)).toString()).toBe('still here');
  });
});
