import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChannelClient } from './channel-client.js';
import { HandConnection } from './hand-connection.js';

const source = readFileSync(join(__dirname, 'hand.pl'), 'utf8');

describe('a large file on its way through a channel', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flotilla-hand-'));
  let channel: ChannelClient;
  beforeAll(() => {
    const { stdin, stdout, stderr } = spawn('perl', ['-e', source]);
    const handle = { stdin, stdout, stderr, exited: Promise.resolve(null) };
    const close = (): void => void stdin.destroy();
    const resize = (): Promise<void> => Promise.resolve();
    channel = new ChannelClient(new HandConnection({ ...handle, close, resize }), 'developer', () => folder);
  });
  afterAll(() => {
    channel.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const data = randomBytes(3 * 2 ** 20 + 17);
  /** Parts of any size, of which the source gives up after `most` bytes. */
  async function* parts(most = Infinity): AsyncGenerator<Buffer> {
    for (let at = 0, size = 1; at < data.length; at += size, size = (size * 7) % 300_007) {
      if (at > most) throw new Error('cut off');
      yield await Promise.resolve(data.subarray(at, at + size));
    }
  }

  it('arrives whole, and nothing of one that breaks off stays', async () => {
    await channel.write('home', 'odd.bin', parts());
    await expect(channel.write('home', 'odd.bin', parts(2 ** 21))).rejects.toThrow('cut off');
    expect(readFileSync(join(folder, 'odd.bin')).equals(data)).toBe(true);
    expect(readdirSync(folder)).toEqual(['odd.bin']);
  });

  it('says why it could not be kept', async () => {
    let given = 0;
    const counting = async function* (): AsyncGenerator<Buffer> {
      for await (const part of parts()) {
        given += part.length;
        // The folder goes while the file is on its way: its draft stays open, and its end has nowhere to go.
        if (given > 2 ** 20) rmSync(folder, { recursive: true, force: true });
        yield part;
      }
    };
    await expect(channel.write('home', 'lost.bin', counting())).rejects.toMatchObject({ fault: 'not_found' });
  });
});
