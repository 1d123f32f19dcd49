import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { replicaIdOf } from '../../platform/database/replica-id.js';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { Clock } from '../clock.port.js';

export interface StaleShell {
  readonly id: string;
  readonly instanceId: string;
}

const beatMs = 10_000;
/** A server that has not said for so long that it is there is not. */
const deadMs = 45_000;

/** Which shells are open on which server: what is left of those of a dead one is found by it. */
@Injectable()
export class ShellBook implements OnModuleDestroy {
  private readonly open = new Set<string>();
  private readonly replica: string;
  private cancel: () => void = () => undefined;

  constructor(
    private readonly db: UnitOfWork,
    private readonly clock: Clock,
    config: Config,
  ) {
    this.replica = replicaIdOf(config.dataDir);
  }

  onModuleDestroy(): void {
    this.cancel();
  }

  /** Stored before anything is started, so that nothing runs that nobody knows of. False: the sole key is taken. */
  async add(shell: {
    readonly id: string;
    readonly instanceId: string;
    readonly soleKey: string | null;
  }): Promise<boolean> {
    const { id, instanceId, soleKey } = shell;
    this.open.add(id);
    const rows = await this.db
      .query(
        `insert into shells (id, instance_id, replica, sole_key, created_at, seen_at) values ($1, $2, $3, $4, $5, $5)
         on conflict (sole_key) do nothing returning id`,
        [id, instanceId, this.replica, soleKey, this.clock.now()],
      )
      .catch((error: unknown) => {
        this.open.delete(id);
        throw error;
      });
    if (rows.length === 0) this.open.delete(id);
    else if (this.open.size === 1) this.beat();
    return rows.length > 0;
  }

  /** Somebody else may have its sole key. */
  async release(id: string): Promise<void> {
    await this.db.query('update shells set sole_key = null where id = $1 and sole_key is not null', [id]);
  }

  /** Nothing of it is left. */
  async forget(id: string): Promise<void> {
    this.open.delete(id);
    await this.db.query('delete from shells where id = $1', [id]);
  }

  /** This process is done with it, whether something is left or not. */
  leave(id: string): void {
    this.open.delete(id);
  }

  /** Shells that no living server holds. */
  async stale(): Promise<StaleShell[]> {
    const dead = new Date(this.clock.now().getTime() - deadMs);
    const rows = await this.db.query<{ id: string; instance_id: string; replica: string }>(
      'select id, instance_id, replica from shells where replica = $1 or seen_at < $2',
      [this.replica, dead],
    );
    return rows.filter(({ id }) => !this.open.has(id)).map(({ id, instance_id: instanceId }) => ({ id, instanceId }));
  }

  private beat(): void {
    this.cancel();
    this.cancel = this.clock.after(beatMs, () => {
      if (this.open.size === 0) return;
      this.db
        .query('update shells set seen_at = $1 where id in (select jsonb_array_elements_text($2::jsonb))', [
          this.clock.now(),
          JSON.stringify([...this.open]),
        ])
        .catch(() => undefined)
        .finally(() => this.beat());
    });
  }
}
