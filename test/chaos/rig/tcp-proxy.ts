import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A loopback port in front of another one, on which connections are slow, break, or cannot be had. */
export class TcpProxy {
  /** Milliseconds that everything a client sends takes longer. */
  delayMs = 0;
  /**
   * Breaks the connection on which a client sends `text`, before or after it went on to the server; with `after`, only one that
   * has sent that before, in the same transaction.
   */
  breakAt: { readonly text: string; readonly after?: string; readonly passOn: boolean; times: number } | null = null;
  /** What a break struck. */
  readonly struck: string[] = [];
  private server: Server | null = null;
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  /** Connections whose transaction has come by what the fault waits for. */
  private readonly ripe = new WeakSet<Socket>();
  private taken = 0;

  constructor(
    private readonly host: string,
    private readonly target: number,
  ) {}

  get port(): number {
    return this.taken;
  }

  get connections(): number {
    return this.pairs.size;
  }

  async mend(): Promise<void> {
    const server = createServer((socket) => this.join(socket));
    server.listen(this.taken, '127.0.0.1');
    await once(server, 'listening');
    this.server = server;
    this.taken = (server.address() as AddressInfo).port;
  }

  /** Every connection breaks and no new one is taken. @returns how many broke */
  cut(): number {
    const broken = this.pairs.size;
    this.server?.close();
    this.server = null;
    for (const pair of this.pairs) for (const socket of pair) socket.resetAndDestroy();
    return broken;
  }

  private join(client: Socket): void {
    const server = connect(this.target, this.host);
    const pair = [client, server] as const;
    this.pairs.add(pair);
    const end = (): void => {
      this.pairs.delete(pair);
      for (const socket of pair) socket.destroy();
    };
    for (const socket of pair)
      socket
        .setNoDelay(true)
        .on('error', () => undefined)
        .once('close', end);
    server.pipe(client);
    client.on('data', (data) => this.forward(data, client, server));
  }

  /** In order: every piece waits equally long. */
  private forward(data: Buffer, client: Socket, server: Socket): void {
    const fault = this.breakAt;
    if (fault?.after !== undefined && data.includes(fault.after)) this.ripe.add(client);
    const ripe = fault?.after === undefined || this.ripe.has(client);
    const strikes = fault !== null && fault.times > 0 && ripe && data.includes(fault.text);
    if (data.includes('COMMIT') || data.includes('ROLLBACK')) this.ripe.delete(client);
    if (strikes) {
      fault.times -= 1;
      this.struck.push(fault.text);
      if (!fault.passOn) return void client.resetAndDestroy();
    }
    const send = (): void => {
      if (server.writable) server.write(data);
    };
    if (this.delayMs > 0) setTimeout(send, this.delayMs);
    else send();
    // The server has the statement; the client never hears of it.
    if (strikes) client.resetAndDestroy();
  }
}
