import { rmSync } from 'node:fs';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { type AppOverrides, createApp } from '../../src/bootstrap.js';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/environment.js';
import { makeDataDir } from './database.js';
import { demoModelEntry } from './demo-model.js';
import { Outbox } from './outbox.js';
import { SocketClient } from './socket-client.js';

export const adminPassword = 'correct-horse-battery';

export interface BootOptions extends AppOverrides {
  /** Settings on top of those of a test: local engine, known admin password, a data folder of its own. */
  readonly env?: Readonly<Record<string, string>>;
  /** A folder that an earlier boot left behind; default: a new one with a migrated, empty database. */
  readonly dataDir?: string;
}

export interface RequestOptions {
  readonly token?: string;
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is. */
  readonly body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON, text otherwise; null when empty. */
  readonly body: ReturnType<typeof JSON.parse>;
}

/**
 * A whole Flotilla in this process: real HTTP on a free port, real database, local engine. Close it in any case;
 * `close({ keep: true })` leaves the data folder for another boot.
 */
export async function boot(options: BootOptions = {}) {
  const dataDir = options.dataDir ?? (await makeDataDir());
  const config: Config = loadConfig({
    FLOTILLA_ENGINE: 'local',
    FLOTILLA_ADMIN_PASSWORD: adminPassword,
    FLOTILLA_DATA_DIR: dataDir,
    FLOTILLA_PORT: '0',
    FLOTILLA_SSH_PORT: 'off',
    ...options.env,
  });
  const outbox = new Outbox();
  const app: NestFastifyApplication = await createApp(config, {
    logger: false,
    modelEntry: demoModelEntry(),
    // Mails of a test are kept for it, unless it brings a mail server.
    ...(options.env?.['SMTP_URL'] === undefined ? { mailer: outbox } : {}),
    ...options,
  });
  try {
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  const url = await app.getUrl();
  const flotilla = {
    app,
    config,
    dataDir,
    url,
    /** Mails that were sent, where the test brought no mail server. */
    outbox,

    /** One HTTP call as a client makes it. */
    async request(method: string, path: string, call: RequestOptions = {}): Promise<Answer> {
      const { payload, type } = payloadOf(call);
      const answer = await fetch(url + path, {
        method,
        redirect: 'manual',
        headers: {
          ...(type ? { 'content-type': type } : {}),
          ...(call.token ? { authorization: `Bearer ${call.token}` } : {}),
          ...call.headers,
        },
        ...(payload === undefined ? {} : { body: payload }),
      });
      return { status: answer.status, headers: answer.headers, body: await bodyOf(answer) };
    },

    /** The token of a user; throws with the answer when the login is refused. */
    async login(username = 'admin', password = adminPassword): Promise<string> {
      const { status, body } = await flotilla.request('POST', '/token', { form: { username, password } });
      if (status !== 200) throw new Error(`login of ${username}: ${status} ${JSON.stringify(body)}`);
      return (body as { access_token: string }).access_token;
    },

    /** A WebSocket client; it is not connected yet. */
    socket(path: string, how: Parameters<typeof SocketClient.to>[1] = {}): SocketClient {
      return SocketClient.to(url + path, how);
    },

    async close({ keep = false }: { readonly keep?: boolean } = {}): Promise<void> {
      await app.close();
      if (!keep) rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return flotilla;
}

export type Flotilla = Awaited<ReturnType<typeof boot>>;

function payloadOf({ json, form, body }: RequestOptions): {
  payload?: string | Uint8Array<ArrayBuffer>;
  type?: string;
} {
  if (json !== undefined) return { payload: JSON.stringify(json), type: 'application/json' };
  if (form) return { payload: new URLSearchParams(form).toString(), type: 'application/x-www-form-urlencoded' };
  if (body === undefined) return {};
  return { payload: typeof body === 'string' ? body : new Uint8Array(body) };
}

async function bodyOf(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (text === '') return null;
  return answer.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : text;
}
