import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/**
 * One life of a runtime process in an instance: its journal, its spool, and how far we have read.
 * `starting` until it answered `initialize`; `stopping` once we asked it to sleep.
 */
@Entity('generations')
export class Generation {
  @ForeignKey('Instance', { name: 'generations_instance_id_fkey', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text' })
  instanceId!: string;
  @PrimaryColumn({ type: 'int' }) number!: number;
  @Column({ type: 'text' }) state!: 'starting' | 'ready' | 'stopping' | 'ended';
  /** The instance's boot it belongs to; another boot means its process is gone. */
  @Column({ type: 'text' }) boot!: string;
  /** Journal offset below which every effect is stored. Written in the transaction that stores them. */
  @Column({ type: 'bigint', default: 0 }) applied!: string;
  /** Where reading begins after a restart: `applied`, or the start of a text that was still open then. */
  @Column({ type: 'bigint', default: 0 }) cursor!: string;
  /** Number of the next spool line. */
  @Column({ type: 'int', default: 1 }) nextLine!: number;
  /** How it was launched: model, approvals, instructions. Another wish means a new generation. */
  @Column({ type: 'text' }) fingerprint!: string;
  /** The demo model answers it: what the runtime believes it costs is no cost. */
  @Column({ type: 'boolean', default: false }) demo!: boolean;
  /** It was given the installation's provider key. */
  @Column({ type: 'boolean', default: true }) platformKey!: boolean;
  /** What `initialize` answered. */
  @Column({ type: 'jsonb', nullable: true }) agentInfo!: Record<string, unknown> | null;
  /** Free port for the runtime's inner server where it has one; 0 otherwise. */
  @Column({ type: 'int', default: 0 }) innerPort!: number;
  @Column({ type: 'text', nullable: true }) endReason!: string | null;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) usedAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) endedAt!: Date | null;
}
