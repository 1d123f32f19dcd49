import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import type { ExecHandle } from '../../core/instances/engine.port.js';
import { encodeFrame, FrameReader, pieceBytes, str } from './frames.js';
import { HandConnection } from './hand-connection.js';

describe('frames', () => {
  it('come out as they went in, however the stream was cut', () => {
    const frame = fc.record({
      id: fc.nat(),
      kind: fc.constantFrom('o', '.', '!'),
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(frame), fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map((one) => encodeFrame(one.id, one.kind, [Buffer.from(one.payload)])));
        const reader = new FrameReader();
        const got = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const end = at + (cuts[turn % cuts.length] ?? 1);
          got.push(...reader.push(bytes.subarray(at, end)));
          at = end;
        }
        expect(got).toEqual(sent.map((one) => ({ ...one, payload: Buffer.from(one.payload) })));
      }),
    );
  });

  it.each([0, 4, 2 * pieceBytes, 0xffffffff])('of %d bytes are refused', (length) => {
    const head = Buffer.alloc(9);
    head.writeUInt32BE(length);
    expect(() => new FrameReader().push(head)).toThrow(RangeError);
  });
});

describe('a connection to a hand that is not to be trusted', () => {
  const connect = () => {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    let closed = false;
    const handle: ExecHandle = {
      ...{ stdin, stdout, stderr, exited: Promise.resolve(0) },
      resize: () => Promise.resolve(),
      close: () => void (closed = true),
    };
    return { hand: new HandConnection(handle), stdin, stdout, stderr, isClosed: () => closed };
  };
  const closed = expect.objectContaining({ name: 'ChannelError', fault: 'closed' }) as Error;

  it('ends every open call and all later ones when nonsense comes', async () => {
    const { hand, stdout, isClosed } = connect();
    const calls = [hand.call('P', []), hand.call('P', [])];
    stdout.write('Hello, I am a shell.\n');
    for (const call of calls) await expect(call).rejects.toEqual(closed);
    await expect(hand.call('P', [])).rejects.toEqual(closed);
    expect([hand.closed, isClosed()]).toEqual([true, true]);
  });

  it('waits no longer than it was told', async () => {
    const { hand, isClosed } = connect();
    await expect(hand.call('P', [], { timeoutMs: 20 })).rejects.toEqual(closed);
    expect(isClosed()).toBe(true);
  });

  it('drops answers nobody asked for, and survives failures without a number', async () => {
    const { hand, stdout } = connect();
    const call = hand.call('R', [str('/')], { about: 'file' });
    stdout.write(Buffer.concat([encodeFrame(77, '.', []), encodeFrame(1, '!', [])]));
    await expect(call).rejects.toMatchObject({ fault: 'failed', message: 'file: failed' });
    const next = hand.call('P', []);
    stdout.write(encodeFrame(2, '.', [Buffer.from('x')]));
    expect((await next).toString()).toBe('x');
  });

  it('keeps what the program complained about for the log, not for the caller', async () => {
    const { hand, stdout, stderr } = connect();
    const call = hand.call('P', []);
    stderr.write('exec: perl: not found');
    await new Promise((resolve) => setImmediate(resolve));
    stdout.end();
    await expect(call).rejects.toMatchObject({ message: 'the channel ended', cause: 'exec: perl: not found' });
  });
});
