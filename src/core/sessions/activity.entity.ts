import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** One line of an agent's timeline: a chat, the run of a schedule, a tool it used, or another agent it asked. */
@Entity('activities')
@Index('activities_agent', ['agentId', 'startedAt'])
@Index('activities_turn', ['turnId'])
export class Activity {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @ForeignKey('Agent', { name: 'activities_agent_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  agentId!: string;
  @Column({ type: 'text', nullable: true }) turnId!: string | null;
  @Column({ type: 'text', nullable: true }) parentId!: string | null;
  @Column({ type: 'text' }) type!: 'chat' | 'schedule' | 'tool_call' | 'collaboration';
  @Column({ type: 'text' }) state!: 'started' | 'completed' | 'failed';
  @Column({ type: 'text', nullable: true }) userId!: string | null;
  @Column({ type: 'text' }) triggeredBy!: 'user' | 'agent' | 'schedule' | 'system';
  @Column({ type: 'jsonb', default: {} }) details!: Record<string, unknown>;
  @Column({ type: 'text', nullable: true }) error!: string | null;
  @Column({ type: 'timestamptz' }) startedAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) endedAt!: Date | null;
}
