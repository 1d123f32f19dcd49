import { Injectable } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Access } from '../access/access.service.js';
import type { Principal } from '../access/principal.js';
import type { Agent } from '../agents/agent.entity.js';
import { Hidden, NotFound, TimedOut, Unavailable } from '../errors/domain-error.js';
import type { SessionLog } from './session-log.js';
import { SessionStreams } from './session-streams.js';
import { checkPrompt, TurnIntake, type Accepted, type Prompt } from './turn-intake.service.js';
import { TurnPump } from './turn-pump.service.js';
import { Turn } from './turn.entity.js';

/** A net under lost events. */
const lookAgainMs = 2000;

/** Without a time to come again: who sends the message again has it worked on twice. */
const goesOn = 'The server is stopping. The agent has the message and goes on; look for its answer in the history';

/** Where prompts come in and turns are waited for. */
@Injectable()
export class Prompts {
  constructor(
    private readonly db: UnitOfWork,
    private readonly access: Access,
    private readonly intake: TurnIntake,
    private readonly pump: TurnPump,
    private readonly streams: SessionStreams,
  ) {}

  /**
   * Stores a prompt in the caller's active session with the agent (made on first use) and sees that it is worked on.
   * Throws `Unavailable('agent_not_running')` when the agent is not running, `LimitReached` when its queue is full.
   */
  async send(who: Principal, agent: Agent, prompt: Prompt): Promise<Accepted> {
    checkPrompt(prompt.text);
    const { accepted, log } = await this.db.run((tx) => this.intake.accept(tx, who.userId, agent, prompt));
    this.stored(accepted.turn, log);
    return accepted;
  }

  /** A turn was accepted, in a transaction that is over: its events go out, and it is worked on. */
  stored(turn: Turn, log: SessionLog | null): void {
    for (const event of log?.appended ?? []) this.streams.event(event);
    void this.pump.kick(turn.instanceId);
  }

  /**
   * Waits until a turn has ended. Throws `TimedOut` after `seconds`, and `Unavailable` when `gone` fires: the caller left, or the
   * server stops. The turn goes on.
   */
  async ended(turnId: string, seconds: number, gone?: AbortSignal): Promise<Turn> {
    const deadline = this.intake.clock.now().getTime() + seconds * 1000;
    const { sessionId } = await this.find(turnId);
    let wake = (): void => undefined;
    const stop = this.streams.subscribe(sessionId, (item) => {
      if (item.type === 'ended' || (item.type === 'event' && item.event.kind === 'turn_ended')) wake();
    });
    try {
      for (;;) {
        // Listening begins before the look, so that an end in between is not missed.
        const woken = new Promise<void>((resolve) => (wake = resolve));
        const turn = await this.find(turnId);
        if (turn.state !== 'queued' && turn.state !== 'running') return turn;
        const left = deadline - this.intake.clock.now().getTime();
        if (gone?.aborted) throw new Unavailable(goesOn, 'stopping');
        if (left <= 0) throw new TimedOut('The agent did not finish in time', 'execution_timeout');
        await this.pause(woken, Math.min(left, lookAgainMs), gone);
      }
    } finally {
      stop();
    }
  }

  /** Asks to stop a turn: a waiting one ends at once, a running one when the runtime has stopped. */
  async cancel(who: Principal, turnId: string): Promise<void> {
    const turn = await this.find(turnId);
    await this.access.agent(who, { id: turn.agentId }, 'operate').catch((error: unknown) => {
      // Told in the same words as an id that nothing has.
      throw error instanceof Hidden || error instanceof NotFound ? new NotFound('turn', turnId) : error;
    });
    await this.db.run(async (tx) => {
      const row = await tx.lock(Turn, { id: turnId });
      if (row?.state !== 'queued' && row?.state !== 'running') return;
      await tx.of(Turn).update({ id: turnId }, { cancelRequested: true });
    });
    await this.pump.kick(turn.instanceId);
  }

  /** Ends a turn that took too long for who asked: as `cancel`, but it counts as failed, for this reason. */
  async giveUp(turnId: string, reason: string): Promise<void> {
    const turn = await this.find(turnId);
    await this.db.query(
      `update turns set cancel_requested = true, error = $2
       where id = $1 and state in ('queued', 'running') and not cancel_requested`,
      [turnId, reason],
    );
    await this.pump.kick(turn.instanceId);
  }

  private async find(id: string): Promise<Turn> {
    const turn = await this.db.of(Turn).findOneBy({ id });
    if (!turn) throw new NotFound('turn', id);
    return turn;
  }

  /** Resolves when it is woken, after `ms`, or when the caller is gone. */
  private pause(woken: Promise<void>, ms: number, gone?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        cancel();
        gone?.removeEventListener('abort', finish);
        resolve();
      };
      const cancel = this.intake.clock.after(ms, finish);
      gone?.addEventListener('abort', finish, { once: true });
      void woken.then(finish);
    });
  }
}
