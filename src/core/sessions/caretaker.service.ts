import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { Instance } from '../instances/instance.entity.js';
import { Generations } from '../runtimes/generations.service.js';
import { Spool } from '../runtimes/spool.service.js';
import { Requests } from './requests.service.js';
import { TurnPump } from './turn-pump.service.js';

/** Seconds a runtime may take to answer `initialize`, and a conversation to open. */
const startSeconds = 180;
/** Seconds a turn may take to stop after it was told to. */
const cancelSeconds = 15;
/** Seconds a line may wait to be read by a runtime. */
const feedSeconds = 10;
const lookEveryMs = 5000;

interface Place {
  readonly instance_id: string;
  readonly number: number;
}

/** What else the caretaker needs. */
@Injectable()
export class CaretakerTools {
  constructor(
    readonly generations: Generations,
    readonly spool: Spool,
    readonly requests: Requests,
    readonly pump: TurnPump,
  ) {}
}

/** Sees to it that nothing waits for ever: turns past their time, runtimes that hang or idle, requests nobody answers. */
@Injectable()
export class Caretaker implements BeforeApplicationShutdown {
  private readonly logger = new Logger(Caretaker.name);
  private readonly stopped = new AbortController();
  private round: Promise<void> = Promise.resolve();
  /** Spool lines found unfed at the last look, by generation. */
  private readonly unfed = new Map<string, { readonly line: number; readonly since: number }>();

  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly tools: CaretakerTools,
  ) {}

  start(): void {
    this.round = this.loop();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped.abort();
    await this.round;
  }

  /** One look at everything; tests call it after moving the clock. */
  async look(): Promise<void> {
    await this.tools.requests.expire();
    await this.overdueTurns();
    await this.stuckStarts();
    await this.stuckCancels();
    await this.blockedFeeds();
    await this.idle();
  }

  private async loop(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      await this.clock.sleep(lookEveryMs, this.stopped.signal).catch(() => undefined);
      if (this.stopped.signal.aborted) return;
      await this.look().catch((error: unknown) => {
        this.logger.warn('A look around failed', error);
      });
    }
  }

  private async overdueTurns(): Promise<void> {
    const due = await this.db.query<{ id: string; instance_id: string; seconds: number }>(
      `select t.id, t.instance_id, a.timeout_seconds as seconds from turns t join agents a on a.id = t.agent_id
       where t.state = 'running' and not t.cancel_requested
         and t.started_at + a.timeout_seconds * interval '1 second' <= $1`,
      [this.clock.now()],
    );
    for (const { id, instance_id, seconds } of due) {
      const error = `The turn took longer than the ${seconds} s this agent is allowed`;
      await this.db.query('update turns set cancel_requested = true, error = $2 where id = $1', [id, error]);
      void this.tools.pump.kick(instance_id);
    }
  }

  private async stuckStarts(): Promise<void> {
    const before = new Date(this.clock.now().getTime() - startSeconds * 1000);
    const stuck = await this.db.query<Place>(
      `select g.instance_id, g.number from generations g join instances i on i.id = g.instance_id
       where i.state = 'running' and g.boot = i.boot and (
         (g.state = 'starting' and g.created_at <= $1)
         or (g.state = 'ready' and g.used_at <= $1 and exists (
           select 1 from sessions s join turns t on t.session_id = s.id and t.state = 'queued'
           where s.instance_id = g.instance_id and s.attach_generation = g.number and t.created_at <= $1)))`,
      [before],
    );
    for (const place of stuck) await this.kill(place, `The runtime did not become ready within ${startSeconds} s`);
  }

  private async stuckCancels(): Promise<void> {
    const before = new Date(this.clock.now().getTime() - cancelSeconds * 1000);
    const stuck = await this.db.query<Place>(
      `select g.instance_id, g.number from generations g
       join instances i on i.id = g.instance_id and i.state = 'running' and g.boot = i.boot
       where (g.state = 'stopping' and g.used_at <= $1) or (g.state = 'ready' and exists (
         select 1 from turns t where t.instance_id = g.instance_id and t.generation = g.number and t.state = 'running'
           and t.cancel_sent_at <= $1))`,
      [before],
    );
    for (const place of stuck) await this.kill(place, 'The runtime did not stop when it was asked to');
  }

  /** A runtime that does not read its input hangs: its generation ends. */
  private async blockedFeeds(): Promise<void> {
    const waiting = await this.db.query<Place & { line: number }>(
      `select l.instance_id, l.generation as number, max(l.number) as line from runtime_lines l
       join generations g on g.instance_id = l.instance_id and g.number = l.generation and g.state in ('starting', 'ready')
       join instances i on i.id = l.instance_id and i.state = 'running' and i.boot = g.boot
       group by l.instance_id, l.generation`,
    );
    const now = this.clock.now().getTime();
    const seen = new Set(waiting.map(keyOf));
    for (const key of this.unfed.keys()) if (!seen.has(key)) this.unfed.delete(key);
    for (const place of waiting) {
      const instance = await this.db.of(Instance).findOneBy({ id: place.instance_id });
      if (!instance) continue;
      const fed = await this.tools.spool.fed(instance, place.number).catch(() => null);
      if (fed === null) continue;
      await this.db.query('delete from runtime_lines where instance_id = $1 and generation = $2 and number <= $3', [
        place.instance_id,
        place.number,
        fed,
      ]);
      const before = this.unfed.get(keyOf(place));
      if (fed >= place.line) this.unfed.delete(keyOf(place));
      else if (before?.line !== fed) this.unfed.set(keyOf(place), { line: fed, since: now });
      else if (now - before.since >= feedSeconds * 1000) {
        // Perhaps it was never delivered: once more, before the runtime is blamed.
        await this.tools.spool.deliver(instance, place.number);
        if (now - before.since >= 3 * feedSeconds * 1000) await this.kill(place, 'The runtime does not read its input');
      }
    }
  }

  private async idle(): Promise<void> {
    if (this.config.idleMinutes === 0) return;
    const before = new Date(this.clock.now().getTime() - this.config.idleMinutes * 60_000);
    const idle = await this.db.query<Place>(
      `select g.instance_id, g.number from generations g
       join instances i on i.id = g.instance_id and i.state = 'running' and i.boot = g.boot
       where g.state = 'ready' and g.used_at <= $1
         and not exists (select 1 from turns t where t.instance_id = g.instance_id
           and (t.state in ('queued', 'running') or t.ended_at > $1))`,
      [before],
    );
    for (const { instance_id, number } of idle) {
      const instance = await this.db.of(Instance).findOneBy({ id: instance_id });
      if (instance) await this.tools.generations.stop(instance, number, 'The runtime sleeps: it was idle');
    }
  }

  private async kill({ instance_id, number }: Place, reason: string): Promise<void> {
    this.logger.warn(`${reason}: ending generation ${number} of instance ${instance_id}`);
    const instance = await this.db.of(Instance).findOneBy({ id: instance_id });
    if (!instance) return;
    await this.db.query(
      `update turns set error = coalesce(error, $2) where instance_id = $1 and state = 'running' and not cancel_requested`,
      [instance_id, reason],
    );
    await this.tools.generations.stop(instance, number, reason);
    await this.tools.generations.signal(instance, number, 'KILL');
  }
}

const keyOf = (place: Place): string => `${place.instance_id}/${place.number}`;
