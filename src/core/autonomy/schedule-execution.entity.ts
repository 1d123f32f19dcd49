import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** `pending` waits for the agent; `sent` became the turn of the same id, which says the rest; the others are over. */
export type ExecutionState = 'pending' | 'sent' | 'skipped' | 'failed';

/** One run of a schedule, or why there was none. It outlives its schedule, so that it says itself what was asked. */
@Entity('schedule_executions')
@Index('schedule_executions_planned', ['scheduleId', 'plannedAt'], { unique: true })
@Index('schedule_executions_agent', ['agentId', 'createdAt'])
@Index('schedule_executions_schedule', ['scheduleId', 'createdAt'])
@Index('schedule_executions_state', ['state'])
export class ScheduleExecution {
  /** Also the id of its turn. */
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) scheduleId!: string;
  @Column({ type: 'text' }) scheduleName!: string;
  @ForeignKey('Agent', { name: 'schedule_executions_agent_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  agentId!: string;
  /** The minute it was planned for; null when a person triggered it. */
  @Column({ type: 'timestamptz', nullable: true }) plannedAt!: Date | null;
  @Column({ type: 'text' }) triggeredBy!: 'schedule' | 'manual';
  @Column({ type: 'text' }) userId!: string;
  @Column({ type: 'text' }) message!: string;
  @Column({ type: 'int', nullable: true }) timeoutSeconds!: number | null;
  @Column({ type: 'text' }) state!: ExecutionState;
  /** Why it was skipped or failed before it became a turn. */
  @Column({ type: 'text', nullable: true }) error!: string | null;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  /** Of one that never became a turn. */
  @Column({ type: 'timestamptz', nullable: true }) endedAt!: Date | null;
}
