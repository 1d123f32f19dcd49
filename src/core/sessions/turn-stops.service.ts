import { Injectable } from '@nestjs/common';
import { type Tx, UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { SessionStreams } from './session-streams.js';
import { TurnPump } from './turn-pump.service.js';

/** Which turns of an agent. */
export interface TurnsOf {
  readonly agentId: string;
  /** Null: of all its conversations. */
  readonly sessionId: string | null;
  /** Null: whoever began them. */
  readonly userId: string | null;
}

export interface StoppedTurn {
  readonly id: string;
  readonly sessionId: string;
  readonly instanceId: string;
}

/** A net under lost events. */
const lookAgainMs = 200;

/** Stops turns and sees that they end: those that wait at once, those that run when the runtime has stopped. */
@Injectable()
export class TurnStops {
  constructor(
    private readonly db: UnitOfWork,
    private readonly pump: TurnPump,
    private readonly streams: SessionStreams,
    private readonly clock: Clock,
  ) {}

  /** Asks every turn that waits or runs to stop, within the caller's transaction. Call `settled` after it. */
  async ask(tx: Tx, { agentId, sessionId, userId }: TurnsOf): Promise<StoppedTurn[]> {
    const rows = await tx.query<{ id: string; session_id: string; instance_id: string }>(
      `with asked as (update turns set cancel_requested = true where agent_id = $1 and state in ('queued', 'running')
         and ($2::text is null or session_id = $2) and ($3::text is null or user_id = $3)
         returning id, session_id, instance_id, number)
       select id, session_id, instance_id from asked order by number`,
      [agentId, sessionId, userId],
    );
    return rows.map((row) => ({ id: row.id, sessionId: row.session_id, instanceId: row.instance_id }));
  }

  /** Waits until turns that were asked to stop have ended. False when one goes on after `ms`. */
  async settled(turns: readonly StoppedTurn[], ms: number): Promise<boolean> {
    if (turns.length === 0) return true;
    const deadline = this.clock.now().getTime() + ms;
    let wake = (): void => undefined;
    const leave = [...new Set(turns.map((turn) => turn.sessionId))].map((id) =>
      this.streams.subscribe(id, (item) => {
        if (item.type === 'ended' || (item.type === 'event' && item.event.kind === 'turn_ended')) wake();
      }),
    );
    for (const id of new Set(turns.map((turn) => turn.instanceId))) void this.pump.kick(id);
    try {
      for (;;) {
        const woken = new Promise<void>((resolve) => (wake = resolve));
        if (!(await this.anyGoesOn(turns))) return true;
        const left = deadline - this.clock.now().getTime();
        if (left <= 0) return false;
        const cancel = this.clock.after(Math.min(left, lookAgainMs), () => {
          wake();
        });
        await woken;
        cancel();
      }
    } finally {
      for (const stop of leave) stop();
    }
  }

  private async anyGoesOn(turns: readonly StoppedTurn[]): Promise<boolean> {
    const rows = await this.db.query<{ id: string }>(
      `select id from turns where id in (select jsonb_array_elements_text($1::jsonb)) and state in ('queued', 'running') limit 1`,
      [JSON.stringify(turns.map((turn) => turn.id))],
    );
    return rows.length > 0;
  }
}
