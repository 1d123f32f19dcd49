import { Injectable, Logger } from '@nestjs/common';
import { Client } from 'pg';
import { Config } from '../../config/config.js';
import type { EmbeddedServer } from './embedded-server.js';

/** Called with the payload of a notification, and with an empty one after a reconnect: something may have been missed. */
export type NotificationHandler = (payload: string) => void;

/** LISTEN on both databases. Delivery is a hint: whoever listens also looks for itself from time to time. */
@Injectable()
export class Notifications {
  private readonly logger = new Logger(Notifications.name);
  private readonly handlers = new Map<string, Set<NotificationHandler>>();
  private client: Client | null = null;
  private connecting: Promise<void> | null = null;
  private retry: NodeJS.Timeout | null = null;
  private interrupted = false;
  private closed = false;

  constructor(
    private readonly config: Pick<Config, 'databaseUrl'>,
    private readonly embedded: EmbeddedServer | null,
  ) {}

  /** Resolves once the channel is heard, so that nothing sent from then on is missed; the returned function stops it. */
  async listen(channel: string, handler: NotificationHandler): Promise<() => void> {
    if (!/^[a-z_]+$/.test(channel)) throw new Error(`not a channel name: ${channel}`);
    if (this.embedded) return this.embedded.listen(channel, handler);
    const handlers = this.handlers.get(channel) ?? new Set();
    this.handlers.set(channel, handlers.add(handler));
    await (this.connecting ??= this.connect());
    await this.client?.query(`listen ${channel}`).catch(() => undefined);
    return () => void handlers.delete(handler);
  }

  async close(): Promise<void> {
    this.closed = true;
    if (this.retry) clearTimeout(this.retry);
    await this.connecting?.catch(() => undefined);
    await this.client?.end().catch(() => undefined);
  }

  private async connect(delayMs = 100): Promise<void> {
    const client = new Client({
      connectionString: this.config.databaseUrl?.reveal(),
      application_name: 'flotilla-notifications',
      keepAlive: true,
    });
    client.on('notification', ({ channel, payload }) => this.tell(channel, payload ?? ''));
    client.on('error', () => undefined); // `end` follows
    try {
      await client.connect();
      for (const channel of this.handlers.keys()) await client.query(`listen ${channel}`);
    } catch (error) {
      client.end().catch(() => undefined);
      this.reconnect(delayMs, error);
      return;
    }
    this.client = client;
    client.once('end', () => this.reconnect(100, new Error('the connection ended')));
    if (this.interrupted) for (const channel of this.handlers.keys()) this.tell(channel, '');
    this.interrupted = false;
  }

  private reconnect(delayMs: number, why: unknown): void {
    this.client = null;
    this.interrupted = true;
    if (this.closed) return;
    this.logger.warn(`PostgreSQL notifications are interrupted, trying again: ${(why as Error).message}`);
    this.retry = setTimeout(() => void (this.connecting = this.connect(Math.min(delayMs * 2, 10_000))), delayMs);
    this.retry.unref();
  }

  private tell(channel: string, payload: string): void {
    for (const handler of this.handlers.get(channel) ?? []) handler(payload);
  }
}
