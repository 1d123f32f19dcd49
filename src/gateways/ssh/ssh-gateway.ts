import { once } from 'node:events';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Server } from 'ssh2';
import type { Secret } from '../../core/credentials/secret.js';
import { HostKey } from '../../core/ssh/host-key.service.js';
import { SshEndpoint } from '../../core/ssh/ssh-endpoint.js';
import { Entrances } from './entrances.js';
import { SshConnection } from './ssh-connection.js';
import { SshTools } from './ssh-tools.js';

/** From the first byte to a sign-in. */
const signInMs = 30_000;
const retryMs = 5000;
const keepaliveMs = 15_000;

/** Listens, bounds who may try, and hands each client to a connection of its own. */
@Injectable()
export class SshGateway implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('SshGateway');
  private readonly connections = new Set<SshConnection>();
  private server: NetServer | null = null;
  private stopped = false;
  private cancelRetry: () => void = () => undefined;

  constructor(
    private readonly hostKey: HostKey,
    private readonly endpoint: SshEndpoint,
    private readonly entrances: Entrances,
    private readonly tools: SshTools,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.tools.config.sshGateway.port !== null) await this.open(true);
  }

  /** Says goodbye to everybody, and ends what they started. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    this.cancelRetry();
    this.server?.close();
    this.endpoint.closed('the server is stopping');
    await Promise.all([...this.connections].map((connection) => connection.end('the server is stopping')));
  }

  /** A taken port must not keep the whole server from starting; it is tried again until it is free. */
  private async open(first: boolean): Promise<void> {
    const { host, port } = this.tools.config.sshGateway;
    try {
      const hostKey = await this.hostKey.get();
      const server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.welcome(socket, hostKey));
      server.listen(port ?? 0, host);
      await once(server, 'listening');
      server.on('error', (error) => this.logger.warn('The SSH gateway failed', error));
      this.server = server;
      const address = server.address();
      this.endpoint.opened(typeof address === 'object' && address ? address.port : 0);
      if (!first) this.logger.log(`The SSH gateway listens now: ${this.endpoint.describe()}`);
    } catch (error) {
      const why = reasonOf(error, port ?? 0);
      this.endpoint.closed(why);
      if (first) this.logger.warn(`No SSH gateway: ${why}`);
      if (!this.stopped) this.cancelRetry = this.tools.clock.after(retryMs, () => void this.open(false));
    }
  }

  private welcome(socket: Socket, hostKey: Secret): void {
    socket.on('error', () => socket.destroy());
    const address = socket.remoteAddress ?? '';
    const entrance = this.stopped ? null : this.entrances.enter(address);
    if (!entrance) {
      socket.destroy();
      return;
    }
    const cancel = this.tools.clock.after(signInMs, () => socket.destroy());
    socket.once('close', () => {
      cancel();
      entrance.leave();
    });
    const signedIn = (): void => {
      cancel();
      entrance.signedIn();
    };
    const protocol = { ident: 'Flotilla', keepaliveInterval: keepaliveMs, keepaliveCountMax: 3 };
    // One for each client: only so is it known whose socket is whose.
    const server = new Server({ ...protocol, hostKeys: [hostKey.reveal()] }, (client) => {
      const connection = new SshConnection(client, { socket, address, signedIn }, this.tools);
      this.connections.add(connection);
      socket.once('close', () => this.connections.delete(connection));
    });
    server.injectSocket(socket);
  }
}

function reasonOf(error: unknown, port: number): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `port ${port} is in use by another program; set FLOTILLA_SSH_PORT to another one`;
  if (code === 'EADDRNOTAVAIL') return 'FLOTILLA_SSH_HOST is not an address of this machine';
  if (code === 'EACCES') return `this user may not listen on port ${port}; set FLOTILLA_SSH_PORT to 1024 or more`;
  return error instanceof Error ? error.message : String(error);
}
