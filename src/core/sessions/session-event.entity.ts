import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export type SessionEventKind =
  | 'user_message'
  | 'turn_started'
  | 'agent_message'
  | 'agent_thought'
  | 'tool_call'
  | 'tool_update'
  | 'plan'
  | 'usage'
  | 'approval_requested'
  | 'approval_answered'
  | 'question_asked'
  | 'question_answered'
  | 'note'
  | 'turn_ended';

/** One numbered, stored thing that happened in a session. Numbers start at 1 and have no hole. */
@Entity('session_events')
@Index('session_events_turn', ['turnId'])
@Index('session_events_origin', ['instanceId', 'generation', 'journalOffset', 'part'], { unique: true })
export class SessionEvent {
  @ForeignKey('Session', { name: 'session_events_session_id_fkey', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text' })
  sessionId!: string;
  @PrimaryColumn({ type: 'int' }) seq!: number;
  @Column({ type: 'text', nullable: true }) turnId!: string | null;
  @Column({ type: 'text' }) kind!: SessionEventKind;
  @Column({ type: 'jsonb' }) data!: Record<string, unknown>;
  @Column({ type: 'text' }) instanceId!: string;
  /** Where in which journal it was read; null for what did not come from a runtime. */
  @Column({ type: 'int', nullable: true }) generation!: number | null;
  @Column({ type: 'bigint', nullable: true }) journalOffset!: string | null;
  /** Several events may come from one journal line. */
  @Column({ type: 'int', default: 0 }) part!: number;
  @Column({ type: 'timestamptz' }) at!: Date;
}
