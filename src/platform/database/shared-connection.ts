import { Socket } from 'node:net';
import pg from 'pg';

/** A hung server must not hold every request for ever: the connection is given up, and the next look-up opens another. */
const patienceMs = 30_000;

/**
 * One connection that many look-ups use at once: each is sent without waiting for the answers before it, and all that come
 * in one turn of the event loop go out in one piece. A write to a socket and a wait for a free connection were most of what
 * a look-up cost. Only for reads that are quick, as answers come in the order of the questions.
 */
export class SharedConnection {
  private client: Promise<pg.Client> | null = null;
  private ended = false;

  constructor(private readonly options: pg.ClientConfig) {}

  async query(statement: pg.QueryConfig<unknown[]>): Promise<pg.QueryResult> {
    if (this.ended) throw new Error('Cannot use a connection after its pool was ended');
    return (await (this.client ?? this.connect())).query(statement);
  }

  /** What was sent is answered before it closes. */
  async end(): Promise<void> {
    this.ended = true;
    const client = await this.client?.catch(() => null);
    await client?.end();
  }

  private connect(): Promise<pg.Client> {
    const opening = this.open(() => {
      if (this.client === opening) this.client = null;
    });
    this.client = opening;
    return opening;
  }

  private async open(lost: () => void): Promise<pg.Client> {
    const socket = new GatheringSocket();
    const client = new pg.Client({ ...this.options, query_timeout: patienceMs, pipeline: true, stream: () => socket });
    client.on('error', lost);
    client.on('end', lost);
    try {
      await client.connect();
    } catch (error) {
      lost();
      throw error;
    }
    socket.gather();
    return client;
  }
}

/** Holds what is written until the end of the turn, and sends it in one piece. */
class GatheringSocket extends Socket {
  private gathers = false;
  private held = false;

  /** From now on: before, the client and the server take turns. */
  gather(): void {
    this.gathers = true;
  }

  override cork(): void {
    super.cork();
    if (!this.gathers || this.held) return;
    this.held = true;
    super.cork();
    setImmediate(() => {
      this.held = false;
      this.uncork();
    });
  }
}
