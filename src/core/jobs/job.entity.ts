import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

export type JobState = 'waiting' | 'running' | 'done' | 'failed';

/** Work that takes longer than a request. At most one unfinished job exists for a kind and key. */
@Entity('jobs')
@Index('jobs_unfinished', ['kind', 'key'], { unique: true, where: 'finished_at IS NULL' })
@Index('jobs_due', ['state', 'runAt'])
export class Job {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id!: string;
  @Column({ type: 'text' }) kind!: string;
  @Column({ type: 'text' }) key!: string;
  @Column({ type: 'jsonb' }) payload!: unknown;
  @Column({ type: 'text' }) state!: JobState;
  /** Not before this time. */
  @Column({ type: 'timestamptz' }) runAt!: Date;
  /** How often it was started. */
  @Column({ type: 'int', default: 0 }) attempts!: number;
  /** The claim of the runner that has it; another runner may take the job when the lease is over. */
  @Column({ type: 'text', nullable: true }) claim!: string | null;
  @Column({ type: 'timestamptz', nullable: true }) leaseUntil!: Date | null;
  /** Why the last attempt failed: a sentence for people. */
  @Column({ type: 'text', nullable: true }) reason!: string | null;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) finishedAt!: Date | null;
}
