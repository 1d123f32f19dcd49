import { connect, type Socket } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { addBodyParsers } from './bodies.js';
import { limitBodyTime } from './body-time.js';

const limits = { lookMs: 100, looks: 3, least: 10 };

describe('the time a body may take', () => {
  let server: FastifyInstance;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    server = fastify({ requestTimeout: 0 });
    addBodyParsers(server);
    limitBodyTime(server, limits);
    server.post('/whole', (request) => ({ got: request.body }));
    server.post('/file', { config: { streamed: true } }, async (request) => {
      let bytes = 0;
      for await (const piece of request.body as AsyncIterable<Buffer>) bytes += piece.length;
      return { bytes };
    });
    server.post('/late', async () => {
      await new Promise((resolve) => setTimeout(resolve, limits.lookMs * (limits.looks + 2)));
      return { late: true };
    });
    await server.listen({ port: 0, host: '127.0.0.1' });
  });
  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    await server.close();
  });

  /** Sends the head of a request with a body of `length`, then a piece at a time until all is sent or it is cut. */
  async function send(path: string, length: number, pieces: AsyncIterable<string>): Promise<string> {
    const { port } = server.server.address() as { port: number };
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    let answer = '';
    let open = true;
    const closed = new Promise<void>((resolve) => {
      socket.on('data', (data) => (answer += data.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        open = false;
        resolve();
      });
    });
    const type = path === '/file' ? 'application/octet-stream' : 'application/json';
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`,
    );
    for await (const piece of pieces) {
      if (!open) break;
      socket.write(piece);
    }
    await closed;
    return answer;
  }

  async function* every(ms: number, piece: string, times: number): AsyncGenerator<string, void, undefined> {
    for (let sent = 0; sent < times; sent += 1) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      yield piece;
    }
  }

  it('ends what is read as a whole and has not arrived in time, however it trickles', async () => {
    expect(await send('/whole', 1000, every(20, ' ', 1000))).toContain('408 Request Timeout');
  });

  it('lets a file take as long as it likes while it moves', async () => {
    const pieces = 40;
    const answer = await send('/file', pieces * 10, every(20, 'x'.repeat(10), pieces));
    expect(answer).toContain(`{"bytes":${pieces * 10}}`);
  });

  it('ends a file that does not move, and one that hardly does', async () => {
    expect(await send('/file', 1000, every(1, 'x'.repeat(50), 1))).toContain('408 Request Timeout');
    expect(await send('/file', 1000, every(40, 'x', 1000))).toContain('408 Request Timeout');
  });

  it('is over when the body is there: an answer takes as long as it takes', async () => {
    expect(await send('/late', 2, every(1, '{}', 1))).toContain('{"late":true}');
  });
});
