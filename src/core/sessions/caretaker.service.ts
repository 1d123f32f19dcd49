import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';
import { Instance } from '../instances/instance.entity.js';
import { Leadership } from '../leadership/leadership.service.js';
import { Generations } from '../runtimes/generations.service.js';
import { Spool } from '../runtimes/spool.service.js';
import { Conversations } from './conversations.service.js';
import { waitedForPeople } from './request-times.js';
import { Requests } from './requests.service.js';
import { TurnPump } from './turn-pump.service.js';

/** Seconds a runtime may take to answer `initialize`, and a conversation to open. */
const startSeconds = 180;
/** Seconds a turn, or a runtime, may take to stop after it was told to. */
const stopSeconds = 15;
/** Seconds a line may wait to be read by a runtime. */
const feedSeconds = 10;
/** Seconds after which a waiting turn of a stopped agent is no race but forgotten. */
const strandSeconds = 5;
/** Bytes of a journal that are given back at a time. */
const trimBytes = 8 * 2 ** 20;
const lookEveryMs = 5000;

interface Place {
  readonly instance_id: string;
  readonly number: number;
}

interface Unfed {
  readonly fed: number;
  readonly since: number;
  /** They were delivered a second time. */
  readonly again: boolean;
}

/** What else the caretaker needs. */
@Injectable()
export class CaretakerTools {
  constructor(
    readonly generations: Generations,
    readonly spool: Spool,
    readonly requests: Requests,
    readonly pump: TurnPump,
    readonly conversations: Conversations,
  ) {}
}

/** Sees to it that nothing waits for ever: turns past their time, runtimes that hang or idle, requests nobody answers. */
@Injectable()
export class Caretaker implements BeforeApplicationShutdown {
  private readonly logger = new Logger(Caretaker.name);
  private readonly stopped = new AbortController();
  private round: Promise<void> = Promise.resolve();
  /** Spool lines found unfed at the last look, by generation. */
  private readonly unfed = new Map<string, Unfed>();
  /** Up to where journals were given back, by generation. */
  private readonly trimmed = new Map<string, number>();

  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    private readonly config: Config,
    private readonly tools: CaretakerTools,
    private readonly leadership: Leadership,
  ) {}

  start(): void {
    this.round = this.loop();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped.abort();
    await this.round;
  }

  /** One look at everything; tests call it after moving the clock. One that fails does not keep the others from looking. */
  async look(): Promise<void> {
    const looks = [
      () => this.tools.requests.expire(),
      () => this.tools.requests.carryAgain(),
      () => this.overdueTurns(),
      () => this.stuckStarts(),
      () => this.stuckStops(),
      () => this.blockedFeeds(),
      () => this.idle(),
      () => this.stranded(),
      () => this.longJournals(),
      () => this.tools.conversations.eraseLeft(),
    ];
    for (const one of looks) {
      await one().catch((error: unknown) => {
        this.logger.warn('A look around failed', error);
      });
    }
  }

  private async loop(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      await this.clock.sleep(lookEveryMs, this.stopped.signal).catch(() => undefined);
      if (this.stopped.signal.aborted) return;
      if (this.leadership.leading) await this.look();
    }
  }

  private async overdueTurns(): Promise<void> {
    const due = await this.db.query<{ id: string; instance_id: string; seconds: number }>(
      `with late as materialized (
         select t.id, t.instance_id, t.started_at, coalesce(t.timeout_seconds, a.timeout_seconds) as seconds
         from turns t join agents a on a.id = t.agent_id
         where t.state = 'running' and not t.cancel_requested
           and t.started_at + coalesce(t.timeout_seconds, a.timeout_seconds) * interval '1 second' <= $1)
       select id, instance_id, seconds from late
       where started_at + seconds * interval '1 second' + ${waitedForPeople('late.id', '$1')} <= $1`,
      [this.clock.now()],
    );
    for (const { id, instance_id, seconds } of due) {
      const error = `The turn took longer than the ${seconds} s it is allowed`;
      await this.db.query(
        `update turns set cancel_requested = true, error = $2 where id = $1 and state = 'running' and not cancel_requested`,
        [id, error],
      );
      void this.tools.pump.kick(instance_id);
    }
  }

  /** A runtime that never becomes ready, or never opens the conversation it was asked for, serves nobody. */
  private async stuckStarts(): Promise<void> {
    const stuck = await this.db.query<Place>(
      `select g.instance_id, g.number from generations g join instances i on i.id = g.instance_id
       where i.state = 'running' and g.boot = i.boot and g.used_at <= $1 and (g.state = 'starting' or (g.state = 'ready'
         and exists (select 1 from sessions s where s.instance_id = g.instance_id and s.attach_generation = g.number)))`,
      [this.ago(startSeconds)],
    );
    for (const place of stuck) {
      const reason = `The runtime did not become ready within ${startSeconds} s`;
      await this.kill(place, reason);
      await this.tools.pump.giveUp(place.instance_id, reason);
    }
  }

  private async stuckStops(): Promise<void> {
    const reason = 'The runtime did not stop when it was asked to';
    const stuck = await this.db.query<Place & { long: boolean }>(
      `select g.instance_id, g.number, g.state = 'stopping' and g.used_at <= $2 as long from generations g
       join instances i on i.id = g.instance_id and i.state = 'running' and g.boot = i.boot
       where (g.state = 'stopping' and g.used_at <= $1) or (g.state = 'ready' and exists (
         select 1 from turns t where t.instance_id = g.instance_id and t.generation = g.number and t.state = 'running'
           and t.cancel_sent_at <= $1))`,
      [this.ago(stopSeconds), this.ago(3 * stopSeconds)],
    );
    for (const place of stuck) {
      const killed = await this.kill(place, reason);
      // It never ran, or its journal does not say that it ended: nobody may wait for that any longer.
      if (!killed || place.long) await this.tools.pump.close(place.instance_id, place.number, reason);
    }
  }

  /** A runtime that does not read its input hangs: its generation ends. */
  private async blockedFeeds(): Promise<void> {
    const waiting = await this.db.query<Place & { line: number }>(
      `select l.instance_id, l.generation as number, max(l.number) as line from runtime_lines l
       join generations g on g.instance_id = l.instance_id and g.number = l.generation and g.state in ('starting', 'ready')
       join instances i on i.id = l.instance_id and i.state = 'running' and i.boot = g.boot
       group by l.instance_id, l.generation`,
    );
    const seen = new Set(waiting.map(keyOf));
    for (const key of this.unfed.keys()) if (!seen.has(key)) this.unfed.delete(key);
    for (const place of waiting) await this.feed(place, place.line);
  }

  private async feed(place: Place, line: number): Promise<void> {
    const key = keyOf(place);
    const instance = await this.db.of(Instance).findOneBy({ id: place.instance_id });
    const fed = instance && (await this.tools.spool.settle(instance, place.number).catch(() => null));
    if (!instance || fed === null) return;
    const now = this.clock.now().getTime();
    const before = this.unfed.get(key);
    if (fed >= line) this.unfed.delete(key);
    else if (before?.fed !== fed) this.unfed.set(key, { fed, since: now, again: false });
    else if (!before.again && now - before.since >= feedSeconds * 500) {
      // Perhaps it was never delivered: once more, before the runtime is blamed.
      this.unfed.set(key, { ...before, again: true });
      await this.tools.spool.redeliver(instance, place.number);
    } else if (before.again && now - before.since >= feedSeconds * 1000) {
      await this.kill(place, 'The runtime does not read its input');
    }
  }

  private async idle(): Promise<void> {
    if (this.config.idleMinutes === 0) return;
    const before = this.ago(this.config.idleMinutes * 60);
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
      if (instance) await this.tools.generations.sleep(instance, number);
    }
  }

  /** Turns that came just as their agent ended: nobody would ever serve them. */
  private async stranded(): Promise<void> {
    const rows = await this.db.query<{ id: string; reason: string | null }>(
      `select distinct i.id, i.reason from instances i join turns t on t.instance_id = i.id and t.state = 'queued'
       where i.state in ('stopped', 'failed') and i.desired = 'stopped' and t.created_at <= $1`,
      [this.ago(strandSeconds)],
    );
    for (const { id, reason } of rows) await this.tools.pump.strand(id, reason ?? 'The agent is not running');
  }

  /** What was read is of no use on the agent's disk. */
  private async longJournals(): Promise<void> {
    const rows = await this.db.query<Place & { cursor: string }>(
      `select g.instance_id, g.number, g.cursor from generations g
       join instances i on i.id = g.instance_id and i.state = 'running' and i.boot = g.boot
       where g.state = 'ready' and g.cursor >= $1`,
      [trimBytes],
    );
    const seen = new Set(rows.map(keyOf));
    for (const key of this.trimmed.keys()) if (!seen.has(key)) this.trimmed.delete(key);
    for (const row of rows) {
      const cursor = Number(row.cursor);
      if (cursor - (this.trimmed.get(keyOf(row)) ?? 0) < trimBytes) continue;
      const instance = await this.db.of(Instance).findOneBy({ id: row.instance_id });
      if (instance) await this.tools.generations.trim(instance, row.number, cursor);
      this.trimmed.set(keyOf(row), cursor);
    }
  }

  private ago(seconds: number): Date {
    return new Date(this.clock.now().getTime() - seconds * 1000);
  }

  /** False when there was no process to end. */
  private async kill({ instance_id, number }: Place, reason: string): Promise<boolean> {
    this.logger.warn(`${reason}: ending generation ${number} of instance ${instance_id}`);
    const instance = await this.db.of(Instance).findOneBy({ id: instance_id });
    if (!instance) return false;
    await this.db.query(
      `update turns set error = coalesce(error, $2) where instance_id = $1 and state = 'running' and not cancel_requested`,
      [instance_id, reason],
    );
    await this.tools.generations.stop(instance, number, reason);
    return this.tools.generations.signal(instance, number, 'KILL');
  }
}

const keyOf = (place: Place): string => `${place.instance_id}/${place.number}`;
