import { once } from 'node:events';
import http from 'node:http';

/** One HTTP server per address, all with the same handler. Ports are kept the same where possible. */
export class Listeners {
  readonly #servers = new Map<string, http.Server>();
  #draining = false;

  constructor(private readonly handler: http.RequestListener) {}

  /** Ports by address. */
  get ports(): Readonly<Record<string, number>> {
    return Object.fromEntries([...this.#servers].map(([host, server]) => [host, portOf(server)]));
  }

  /**
   * Listens on an address and resolves with the port: the wanted one, or any other if that is taken.
   * Listening there already is success. Rejects with the system's error.
   */
  async listen(host: string, wanted: number): Promise<number> {
    const known = this.#servers.get(host);
    if (known) return portOf(known);
    const server = http.createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
      if (this.#draining) response.setHeader('connection', 'close');
      this.handler(request, response);
    });
    server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    });
    try {
      await open(server, host, wanted);
    } catch (error) {
      if (wanted === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      await open(server, host, 0);
    }
    // Somebody else may have asked for the same address meanwhile.
    const earlier = this.#servers.get(host);
    if (earlier) {
      server.close();
      return portOf(earlier);
    }
    this.#servers.set(host, server);
    return portOf(server);
  }

  /** Frees the ports at once, lets open answers finish, and resolves when they have or after `ms` milliseconds. */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    const closed = [...this.#servers.values()].map(async (server) => {
      const done = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      // Kept-alive connections turn idle when their answer is complete.
      const sweep = setInterval(() => server.closeIdleConnections(), 100);
      const limit = setTimeout(() => server.closeAllConnections(), ms);
      await done;
      clearInterval(sweep);
      clearTimeout(limit);
    });
    await Promise.all(closed);
  }
}

async function open(server: http.Server, host: string, port: number): Promise<void> {
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
}

function portOf(server: http.Server): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}
