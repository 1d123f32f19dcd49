import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { listenWith, type SampleApp, sampleDialect } from '../../../test/support/http-app.js';
import { SocketClient } from '../../../test/support/socket-client.js';
import { Hidden, Unauthenticated } from '../../core/errors/domain-error.js';
import type { Peer } from './peer.js';
import { SocketRoutes } from './socket-routes.js';

const byToken = (token: string | null | undefined): string => {
  if (token !== 'good') throw new Unauthenticated('Could not validate credentials');
  return 'ann';
};
const peers: Peer[] = [];
/** Lets an introduction finish when the test says so. */
let release = (): void => undefined;

@Injectable()
class SampleSockets implements OnModuleInit {
  constructor(private readonly routes: SocketRoutes) {}

  onModuleInit(): void {
    this.routes.add<string>({
      dialect: 'alpha',
      path: /^\/ws$/,
      refuseWithClose: 4001,
      admit: ({ query }) => Promise.resolve(query.has('token') ? byToken(query.get('token')) : null),
      introduce: async (first) => {
        const { token } = JSON.parse(first) as { token?: string };
        await new Promise<void>((resolve) => (release = resolve));
        return byToken(token);
      },
      open: (peer, who) => {
        peer.send(`hello ${who}`);
        peer.onFrame((frame) => peer.send(`echo ${frame.text()}`));
      },
    });
    this.routes.add<string>({
      dialect: 'alpha',
      path: /^\/agents\/(?<name>[^/]+)\/terminal$/,
      protocol: 'alpha',
      admit: ({ protocols, params }) => {
        if (params.name === 'secret') throw new Hidden('agent', 'secret');
        return Promise.resolve(byToken([...protocols].find((p) => p.startsWith('jwt.'))?.slice(4)));
      },
      open: (peer, who, { params }) => {
        peers.push(peer);
        peer.send(`${who}@${params.name ?? ''}`);
        peer.onFrame(({ data, binary }) => void peer.send(binary ? data : data.toString('utf8')));
      },
    });
  }
}
@Module({ providers: [SampleSockets] })
class AlphaModule {}

describe('sockets', () => {
  let sample: SampleApp;
  const clients: SocketClient[] = [];
  const open = (path: string, options?: Parameters<typeof SocketClient.to>[1]): SocketClient => {
    const client = SocketClient.to(sample.url + path, options);
    clients.push(client);
    return client;
  };
  const terminal = (name: string, headers: Record<string, string> = {}): SocketClient =>
    open(`/agents/${name}/terminal`, { protocols: ['alpha', 'jwt.good'], headers });

  beforeAll(async () => {
    const alpha = sampleDialect('alpha', AlphaModule, { claims: [{ prefix: '/ws' }, { prefix: '/agents' }] });
    sample = await listenWith([alpha], { env: { FLOTILLA_CORS_ORIGINS: 'https://app.example.com' } });
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await sample.close();
  });

  it('admits before the handshake, decodes parameters and answers the subprotocol', async () => {
    const client = terminal('my%20agent');
    await client.waitFor(({ messages }) => messages.includes('ann@my agent'));
    expect(client.socket.protocol).toBe('alpha');
  });

  it('serves the explicit prefix', async () => {
    const client = open('/~alpha/agents/a/terminal', { protocols: ['alpha', 'jwt.good'] });
    await client.waitFor(({ messages }) => messages.includes('ann@a'));
  });

  it('refuses in the words of the dialect, before the handshake', async () => {
    const refused = await open('/agents/a/terminal', { protocols: ['jwt.bad'] }).waitFor((client) => client.refused);
    expect([refused.status, JSON.parse(refused.body)]).toEqual([
      401,
      { dialect: 'alpha', kind: 'unauthenticated', code: 'unauthenticated', message: 'Could not validate credentials' },
    ]);
    const hidden = await terminal('secret').waitFor((client) => client.refused);
    expect(hidden.status).toBe(404);
  });

  it('refuses unknown paths and broken escapes', async () => {
    expect((await open('/nothing').waitFor((client) => client.refused)).status).toBe(404);
    expect((await terminal('%zz').waitFor((client) => client.refused)).status).toBe(400);
  });

  it('accepts and closes with the documented code where the route wants that', async () => {
    const client = open('/ws?token=bad');
    expect(await client.waitFor(({ closed }) => closed)).toEqual({
      code: 4001,
      reason: 'Could not validate credentials',
    });
  });

  it('takes the introduction from the first message, and keeps what came too early', async () => {
    const client = open('/ws');
    await client.waitFor(({ isOpen }) => isOpen);
    release = () => undefined;
    const idle = release;
    client.send({ token: 'good' });
    client.send('one');
    client.send('two');
    client.socket.ping();
    await new Promise((resolve) => client.socket.once('pong', resolve)); // all of it has arrived by now
    expect(release).not.toBe(idle);
    expect(client.messages).toEqual([]);

    release();
    await client.waitFor(({ messages }) => messages.length === 3);
    expect(client.messages).toEqual(['hello ann', 'echo one', 'echo two']);
  });

  it('closes when the introduction is no good', async () => {
    const client = open('/ws');
    await client.waitFor(({ isOpen }) => isOpen);
    client.send('not even JSON');
    expect((await client.waitFor(({ closed }) => closed)).code).toBe(4001);
  });

  it('refuses a frame of more than 1 MiB', async () => {
    const client = terminal('big');
    await client.waitFor(({ messages }) => messages.length === 1);
    client.socket.send(Buffer.alloc(1024 * 1024 + 1));
    expect((await client.waitFor(({ closed }) => closed)).code).toBe(1009);
  });

  it('gives up on a client that does not read', async () => {
    const client = terminal('slow');
    await client.waitFor(({ messages }) => messages.includes('ann@slow'));
    const peer = peers.at(-1);
    client.socket.pause();
    const piece = Buffer.alloc(256 * 1024);
    let sent = 0;
    while (peer?.send(piece)) {
      expect((sent += 1)).toBeLessThan(200);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const gone = new Promise((resolve) => peer?.gone.addEventListener('abort', resolve));
    client.socket.resume();
    expect((await client.waitFor(({ closed }) => closed)).code).toBe(1013);
    await gone;
    expect(peer?.send('too late')).toBe(false);
  });

  it.each([
    ['https://evil.example.com', 403],
    ['null', 403],
  ])('refuses the origin %s', async (origin, status) => {
    expect((await terminal('a', { origin }).waitFor((client) => client.refused)).status).toBe(status);
  });

  it('takes its own and the listed origins', async () => {
    await terminal('own', { origin: sample.url }).waitFor(({ messages }) => messages.length === 1);
    await terminal('listed', { origin: 'https://app.example.com' }).waitFor(({ messages }) => messages.length === 1);
  });

  it('says goodbye when it stops', async () => {
    const own = await listenWith([sampleDialect('alpha', AlphaModule)]);
    const client = SocketClient.to(`${own.url}/agents/a/terminal`, { protocols: ['jwt.good', 'alpha'] });
    await client.waitFor(({ messages }) => messages.length === 1);
    await own.close();
    expect(await client.waitFor(({ closed }) => closed)).toMatchObject({ code: 1001 });
  });
});
