import { timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import type { AuthContext, Connection, PublicKeyAuthContext, ServerChannel } from 'ssh2';
import type { Shell, ShellPlace } from '../../core/ssh/shells.service.js';
import { isSignedBy } from '../../core/ssh/ssh-key.rules.js';
import type { SshLogin } from '../../core/ssh/ssh-logins.service.js';
import { forward } from './ssh-forward.js';
import { serveSession } from './ssh-session.js';
import type { SshTools } from './ssh-tools.js';

export interface Door {
  readonly socket: Socket;
  readonly address: string;
  signedIn(): void;
}

/** Keys a client may offer before it is sent away. */
const mostAttempts = 12;
const mostChannels = 50;
const goodbyeMs = 500;

/** One client, from its first key to the end of the last process it started. */
export class SshConnection {
  private readonly logger = new Logger('SshGateway');
  private readonly shells = new Set<Shell>();
  private readonly channels = new Set<ServerChannel>();
  private login: SshLogin | null = null;
  private place: ShellPlace | null = null;
  private attempts = 0;
  private name = '';
  private candidates: Promise<SshLogin[]> | null = null;
  private began = 0;
  private leave: () => void = () => undefined;
  private ending: Promise<void> | null = null;

  constructor(
    private readonly client: Connection,
    private readonly door: Door,
    private readonly tools: SshTools,
  ) {
    client.on('authentication', (context) => {
      this.authenticate(context).catch((error: unknown) => {
        this.logger.warn('A sign-in could not be checked', error);
        context.reject(['publickey']);
      });
    });
    client.on('ready', () => void this.ready().catch((error: unknown) => this.fail(error)));
    client.on('error', () => undefined); // 'close' follows
    client.on('close', () => void this.end('the client left'));
  }

  /** Tells whoever is there why, closes, and resolves when every process it started is gone. */
  end(reason: string): Promise<void> {
    return (this.ending ??= this.finish(reason));
  }

  private async authenticate(context: AuthContext): Promise<void> {
    if (context.method !== 'publickey') return context.reject(['publickey']);
    // A name that changes would be a way around what is remembered of the first one.
    if (this.candidates && context.username !== this.name) return this.refuse(context);
    this.name = context.username;
    const login = await this.loginFor(context);
    if (!login) return this.refuse(context);
    if (context.signature && context.blob) {
      const signature = { data: context.blob, bytes: context.signature, hash: context.hashAlgo };
      if (!isSignedBy(login.keyType, login.blob, signature)) return this.refuse(context);
      this.login = login;
    }
    context.accept();
  }

  private async loginFor({ key }: PublicKeyAuthContext): Promise<SshLogin | null> {
    this.candidates ??= this.tools.logins.of(this.name);
    const logins = await this.candidates;
    return logins.find(({ keyType, blob }) => keyType === key.algo && same(blob, key.data)) ?? null;
  }

  /** The same for an unknown agent, a foreign key and one that has expired. */
  private refuse(context: AuthContext): void {
    this.attempts += 1;
    context.reject(['publickey']);
    if (this.attempts >= mostAttempts) this.client.end();
  }

  private async ready(): Promise<void> {
    const { login, tools, door } = this;
    if (!login) return this.fail(new Error('ready without a sign-in'));
    door.signedIn();
    this.began = tools.clock.now().getTime();
    // Listened to at once: clients do not wait with their requests.
    const placed = tools.shells.placeOf(login.agentId).then((place) => (this.place = place));
    this.client.on('session', (accept, reject) => {
      if (this.channels.size >= mostChannels) return reject();
      serveSession(accept(), { start: (wish) => this.start(placed, wish), opened: (channel) => this.hold(channel) });
    });
    this.client.on('tcpip', (accept, reject, info) => {
      if (!tools.config.sshGateway.forwarding || this.channels.size >= mostChannels) return reject();
      forward(accept, reject, info, {
        start: (wish) => this.start(placed, wish),
        opened: (channel) => this.hold(channel),
      });
    });
    this.client.on('request', (_accept: unknown, reject?: () => void) => reject?.());
    await tools.logins.signedIn(login, door.address);
    await placed;
    if (this.ending) return;
    const by = { credentialId: login.credentialId, expiresAt: login.expiresAt };
    this.leave = tools.visits.open({ agentId: login.agentId, place: this.place, by, end: (why) => void this.end(why) });
    // It may have been taken away while we were busy.
    void tools.visits.check();
  }

  private async start(
    placed: Promise<ShellPlace | null>,
    wish: Parameters<SshTools['shells']['start']>[1],
  ): Promise<Shell> {
    const place = await placed;
    if (!place) throw new Error('the agent is not running; start it and connect again');
    const shell = await this.tools.shells.start(place, wish);
    this.shells.add(shell);
    // The client may have left while it was started.
    if (this.ending) void shell.end();
    return shell;
  }

  private hold(channel: ServerChannel): void {
    this.channels.add(channel);
    channel.once('close', () => this.channels.delete(channel));
  }

  private fail(error: unknown): void {
    this.logger.warn('An SSH connection failed', error);
    void this.end('the server failed');
  }

  private async finish(reason: string): Promise<void> {
    const { tools, client, door, login } = this;
    this.leave();
    const ended = [...this.shells].map((shell) => shell.end());
    if (reason !== 'the client left') {
      for (const channel of this.channels) tell(channel, reason);
      tools.clock.after(goodbyeMs, () => {
        client.end();
        tools.clock.after(goodbyeMs, () => door.socket.destroy());
      });
    }
    const seconds = Math.round((tools.clock.now().getTime() - this.began) / 1000);
    const note = (): Promise<void> => {
      if (this.began > 0 && login) return tools.logins.ended(login, door.address, reason, seconds);
      return this.candidates ? tools.logins.refused(this.name, door.address) : Promise.resolve();
    };
    await note().catch((error: unknown) => this.logger.warn('The end of a connection could not be noted', error));
    await Promise.all(ended);
  }
}

const same = (one: Buffer, other: Buffer): boolean => one.length === other.length && timingSafeEqual(one, other);

/** On a terminal lines begin where the last one ended. */
function tell(channel: ServerChannel, reason: string): void {
  if (!channel.destroyed && channel.writable) channel.stderr.write(`\r\nflotilla: ${reason}\r\n`);
}
