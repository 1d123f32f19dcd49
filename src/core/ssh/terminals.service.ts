import type { Readable } from 'node:stream';
import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Audit } from '../audit/audit.service.js';
import { Clock } from '../clock.port.js';
import { Invalid } from '../errors/domain-error.js';
import { Shells, type Shell } from './shells.service.js';
import { TerminalPrograms } from './terminal-programs.service.js';
import { Visits } from './visits.service.js';

/** Why a terminal was ended by us; null: its program ended. */
export type TerminalEnd = 'gone' | 'access' | null;

/** Somebody's terminal in an agent. */
export interface Terminal {
  readonly output: Readable;
  readonly over: Promise<TerminalEnd>;
  /** False: it is not taken yet, wait for `taken` before sending more. */
  type(data: Buffer): boolean;
  taken(): Promise<void>;
  resize(cols: number, rows: number): void;
  /** Whoever sat there has left. */
  close(): void;
}

/** What is started at a terminal, and how. */
@Injectable()
export class TerminalSources {
  constructor(
    readonly shells: Shells,
    readonly programs: TerminalPrograms,
  ) {}
}

/** Terminals of people who signed in: one for each of them and agent, ended with their access. */
@Injectable()
export class Terminals {
  constructor(
    private readonly sources: TerminalSources,
    private readonly visits: Visits,
    private readonly db: UnitOfWork,
    private readonly audit: Audit,
    private readonly clock: Clock,
  ) {}

  /** The caller has checked the right. @throws Invalid it does not run; Conflict there is one already */
  async open(who: Principal, agent: Agent, what: 'shell' | 'runtime'): Promise<Terminal> {
    const { shells, programs } = this.sources;
    const place = await shells.placeOf(agent.id);
    if (!place) throw new Invalid('Agent is not running', [], 'agent_not_running');
    const program = await programs.of(agent, what);
    const shell = await shells.start(place, {
      ...program,
      tty: { cols: 80, rows: 24 },
      env: { TERM: 'xterm-256color', COLORTERM: 'truecolor' },
      soleKey: `terminal:${who.userId}:${agent.id}`,
    });
    const began = this.clock.now().getTime();
    const note = (action: string, data: Readonly<Record<string, unknown>>): void => {
      const entry = { who, action, object: `agent:${agent.id}`, data };
      void this.db.run((tx) => this.audit.record(tx, entry)).catch(() => undefined);
    };
    let settle = (_why: TerminalEnd): void => undefined;
    const over = new Promise<TerminalEnd>((resolve) => (settle = resolve));
    const leave = this.visits.open({
      agentId: agent.id,
      place,
      by: { who },
      end: (reason) => finish(reason, reason.startsWith('access') ? 'access' : 'gone'),
    });
    let finished = false;
    const finish = (reason: string, why: TerminalEnd): void => {
      if (finished) return;
      finished = true;
      leave();
      settle(why);
      note('terminal.ended', { reason, seconds: Math.round((this.clock.now().getTime() - began) / 1000) });
      void shell.end();
    };
    note('terminal.opened', { program: what });
    void shell.handle.exited.then(() => finish('the program ended', null));
    return { ...wired(shell), over, close: () => finish('the client left', null) };
  }
}

function wired({ handle }: Shell): Pick<Terminal, 'output' | 'type' | 'taken' | 'resize'> {
  const { stdin, stdout } = handle;
  stdin.on('error', () => undefined);
  stdout.on('error', () => undefined);
  return {
    output: stdout,
    type: (data) => !stdin.writable || stdin.write(data),
    taken: () =>
      new Promise((resolve) => {
        stdin.once('drain', resolve).once('close', resolve);
      }),
    resize: (cols, rows) => void handle.resize(cols, rows).catch(() => undefined),
  };
}
