import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** One announced change, stored with the change itself and published after commit. */
@Entity('outbox')
@Index('outbox_at', ['at'])
export class OutboxRow {
  /** Grows in the order of commits. */
  @PrimaryGeneratedColumn({ type: 'bigint' }) id!: string;
  @Column({ type: 'text' }) type!: string;
  @Column({ type: 'text' }) orgId!: string;
  @Column({ type: 'text', nullable: true }) agentId!: string | null;
  @Column({ type: 'jsonb' }) data!: Record<string, unknown>;
  @Column({ type: 'timestamptz', default: () => 'now()' }) at!: Date;
}
