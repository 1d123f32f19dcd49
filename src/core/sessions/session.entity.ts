import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** How the conversation of a task differs from the agent's own way. */
export interface SessionOptions {
  /** On top of the agent's own instructions. */
  readonly instructions?: string;
  /** The only tools it may use, in the runtime's words. */
  readonly allowedTools?: readonly string[];
}

/** One conversation with an instance. */
@Entity('sessions')
@Index('sessions_agent', ['agentId', 'createdAt'])
@Index('sessions_instance', ['instanceId'])
@Index('sessions_to_erase', ['status'], { where: "status = 'deleted' and event_seq > 0" })
export class Session {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @ForeignKey('Agent', { name: 'sessions_agent_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  agentId!: string;
  @ForeignKey('Instance', { name: 'sessions_instance_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  instanceId!: string;
  /** Who talks. */
  @Column({ type: 'text' }) userId!: string;
  /** Of a `deleted` one only what it cost is left: totals never fall. */
  @Column({ type: 'text' }) status!: 'active' | 'closed' | 'deleted';
  /** A `task` has one turn, is nobody's conversation, and is closed when that turn ends. */
  @Column({ type: 'text', default: 'chat' }) purpose!: 'chat' | 'task';
  @Column({ type: 'jsonb', nullable: true }) options!: SessionOptions | null;
  @Column({ type: 'text', nullable: true }) title!: string | null;
  /** A person named it: the runtime's own name for it is not wanted. */
  @Column({ type: 'boolean', default: false }) titled!: boolean;
  /** The runtime's own id of the conversation; null until it has one. */
  @Column({ type: 'text', nullable: true }) runtimeSessionId!: string | null;
  /** Generation that has the conversation loaded; null when none has. */
  @Column({ type: 'int', nullable: true }) liveGeneration!: number | null;
  /** Generation that was asked to load it, and for which step we wait. */
  @Column({ type: 'int', nullable: true }) attachGeneration!: number | null;
  @Column({ type: 'text', nullable: true }) attachStep!: 'new' | 'load' | 'mode' | null;
  /** Number of the newest event. */
  @Column({ type: 'int', default: 0 }) eventSeq!: number;
  @Column({ type: 'int', default: 0 }) messageCount!: number;
  @Column({ type: 'text', nullable: true }) model!: string | null;
  @Column({ type: 'double precision', default: 0 }) costUsd!: number;
  /** What the runtime last reported as the cost so far, since the conversation was loaded: the difference is what is new. */
  @Column({ type: 'double precision', default: 0 }) costMark!: number;
  /** Over all its turns, also those that are no more kept. */
  @Column({ type: 'double precision', default: 0 }) inputTokens!: number;
  @Column({ type: 'double precision', default: 0 }) outputTokens!: number;
  @Column({ type: 'double precision', default: 0 }) reasoningTokens!: number;
  @Column({ type: 'double precision', default: 0 }) cacheReadTokens!: number;
  @Column({ type: 'double precision', default: 0 }) cacheWriteTokens!: number;
  @Column({ type: 'int', default: 0 }) contextUsed!: number;
  @Column({ type: 'int', default: 0 }) contextMax!: number;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) lastMessageAt!: Date | null;
}
