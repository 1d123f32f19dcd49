import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A message that an agent gets again and again, by a cron expression in a time zone. */
@Entity('schedules')
@Index('schedules_agent', ['agentId', 'createdAt'])
@Index('schedules_next', ['nextRunAt'])
export class Schedule {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @ForeignKey('Agent', { name: 'schedules_agent_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  agentId!: string;
  /** User id. Runs are theirs: when they lose the agent, it fires no more. */
  @Column({ type: 'text' }) createdBy!: string;
  @Column({ type: 'text' }) name!: string;
  /** Five fields: minute, hour, day of month, month, day of week. */
  @Column({ type: 'text' }) cron!: string;
  @Column({ type: 'text' }) message!: string;
  @Column({ type: 'boolean', default: true }) enabled!: boolean;
  /** IANA name. */
  @Column({ type: 'text' }) timezone!: string;
  @Column({ type: 'text', nullable: true }) description!: string | null;
  /** Seconds one run may take; null means what the agent allows. */
  @Column({ type: 'int', nullable: true }) timeoutSeconds!: number | null;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) updatedAt!: Date;
  /** When it last became due or was triggered, and was run. */
  @Column({ type: 'timestamptz', nullable: true }) lastRunAt!: Date | null;
  /** Everything planned before this was dealt with. Null when it is disabled or will never be due. */
  @Column({ type: 'timestamptz', nullable: true }) nextRunAt!: Date | null;
}
