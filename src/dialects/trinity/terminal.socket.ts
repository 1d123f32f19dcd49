import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Access } from '../../core/access/access.service.js';
import type { Principal } from '../../core/access/principal.js';
import { AccountAuthenticator } from '../../core/accounts/account-authenticator.js';
import { Conflict, DomainError, Forbidden, Hidden, NotFound } from '../../core/errors/domain-error.js';
import { Terminals } from '../../core/ssh/terminals.service.js';
import type { Frame, Peer } from '../../platform/http/peer.js';
import { SocketRoutes, type Opening, type SocketRoute } from '../../platform/http/socket-routes.js';

/** Why a terminal is closed, in this API's numbers. */
const codes = { auth: 4001, taken: 4002, access: 4003, gone: 4004 } as const;

/** Who introduced themselves, or why that did not do: errors are told in a message before the door is closed. */
type Caller = { readonly who: Principal } | { readonly problem: string };

/**
 * `/api/agents/{name}/terminal`: a shell in an agent, or its runtime's own program, for a browser (contract 15.3). The first
 * message says who is there; then output comes as bytes, and what is sent is typed.
 */
@Injectable()
export class TrinityTerminalSocket implements OnModuleInit, SocketRoute<Caller> {
  readonly dialect = 'trinity';
  readonly path = /^\/api\/agents\/(?<name>[^/]+)\/terminal$/;
  readonly refuseWithClose = codes.auth;
  private readonly logger = new Logger('Terminal');

  constructor(
    private readonly routes: SocketRoutes,
    private readonly authenticator: AccountAuthenticator,
    private readonly access: Access,
    private readonly terminals: Terminals,
  ) {}

  onModuleInit(): void {
    this.routes.add(this);
  }

  /** Who it is comes in the first message, never in the address. */
  admit(): Promise<null> {
    return Promise.resolve(null);
  }

  async introduce(first: string): Promise<Caller> {
    const token = tokenIn(first);
    if (token === null) return { problem: 'The first message must be {"type":"auth","token":"..."}' };
    const who = await this.authenticator.authenticate({ kind: 'bearer', value: token }, this.dialect);
    return who ? { who } : { problem: 'Could not validate credentials' };
  }

  open(peer: Peer, caller: Caller, { params, query }: Opening): void {
    if ('problem' in caller) return refuse(peer, codes.auth, caller.problem);
    const mode = query.get('mode') === 'bash' ? 'shell' : 'runtime';
    this.serve(peer, caller.who, params['name'] ?? '', mode).catch((error: unknown) => {
      if (!(error instanceof DomainError)) this.logger.warn('A terminal could not be opened', error);
      refuse(peer, codeOf(error), error instanceof DomainError ? wordsOf(error) : 'The terminal could not be opened');
    });
  }

  private async serve(peer: Peer, who: Principal, name: string, mode: 'shell' | 'runtime'): Promise<void> {
    peer.sendJson({ type: 'auth_success' });
    if (!who.permissions.has('agents:write'))
      throw new Forbidden('This key may not open terminals', 'permission_missing');
    const agent = await this.access.agent(who, { slug: name }, 'own');
    const terminal = await this.terminals.open(who, agent, mode);
    peer.gone.addEventListener('abort', () => terminal.close());
    if (peer.gone.aborted) return terminal.close();
    peer.onFrame((frame) => {
      const size = resizeIn(frame);
      if (size) terminal.resize(size.cols, size.rows);
      else if (!terminal.type(frame.data)) {
        peer.hold();
        void terminal.taken().then(() => peer.resume());
      }
    });
    void terminal.over.then((why) => {
      if (why === 'gone') refuse(peer, codes.gone, 'Agent is not running');
      if (why === 'access') refuse(peer, codes.access, 'Your access has ended');
    });
    for await (const piece of terminal.output as AsyncIterable<Buffer>) if (!(await peer.deliver(piece))) break;
    if ((await terminal.over) === null) peer.close(1000, 'the program has ended');
  }
}

function refuse(peer: Peer, code: number, message: string): void {
  peer.sendJson({ type: 'error', message, close: true });
  peer.close(code, message);
}

function codeOf(error: unknown): number {
  if (error instanceof Hidden || error instanceof Forbidden) return codes.access;
  if (error instanceof Conflict) return codes.taken;
  return error instanceof DomainError ? codes.gone : 1011;
}

function wordsOf(error: DomainError): string {
  if (error instanceof NotFound) return 'Agent not found';
  return error instanceof Hidden ? "You don't have permission to access this agent" : error.message;
}

function tokenIn(first: string): string | null {
  try {
    const { type, token } = (JSON.parse(first) ?? {}) as { type?: unknown; token?: unknown };
    return type === 'auth' && typeof token === 'string' ? token : null;
  } catch {
    return null;
  }
}

/** A change of size, if a frame is one. Whatever else is text was typed. */
function resizeIn(frame: Frame): { cols: number; rows: number } | null {
  if (frame.binary || !frame.data.subarray(0, 1).equals(Buffer.from('{')) || frame.data.length > 200) return null;
  try {
    const { type, cols, rows } = JSON.parse(frame.text()) as { type?: unknown; cols?: unknown; rows?: unknown };
    if (type !== 'resize') return null;
    return { cols: clamped(cols, 80), rows: clamped(rows, 24) };
  } catch {
    return null;
  }
}

const clamped = (value: unknown, fallback: number): number =>
  typeof value === 'number' && value >= 1 && value <= 1000 ? Math.trunc(value) : fallback;
