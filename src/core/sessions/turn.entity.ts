import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export type TurnState = 'queued' | 'running' | 'finished' | 'failed' | 'cancelled' | 'interrupted';

/** Why a turn came about, where it was not a message somebody sent. */
export interface TurnOrigin {
  readonly schedule: { readonly id: string; readonly name: string };
  /** A person triggered it by hand. */
  readonly manual: boolean;
}

/**
 * `chat`: one at a time for the whole agent, in somebody's conversation. `session`: one at a time in its conversation,
 * beside what goes on in others. `task`: beside them all, in a conversation of its own.
 */
export type Lane = 'chat' | 'session' | 'task';

/** One prompt and everything the agent did about it. */
@Entity('turns')
@Index('turns_session', ['sessionId', 'number'])
@Index('turns_instance_state', ['instanceId', 'state'])
@Index('turns_idempotency', ['sessionId', 'idempotencyKey'], { unique: true })
@Index('turns_number', ['number'], { unique: true })
export class Turn {
  @PrimaryColumn({ type: 'text' }) id!: string;
  /** Order of arrival in the installation. */
  @Column({ type: 'bigint', generated: 'increment' }) number!: string;
  @ForeignKey('Session', { name: 'turns_session_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  sessionId!: string;
  @Column({ type: 'text' }) agentId!: string;
  @Column({ type: 'text' }) instanceId!: string;
  @Column({ type: 'text' }) userId!: string;
  /** Set when another agent asked. */
  @Column({ type: 'text', nullable: true }) sourceAgentId!: string | null;
  @Column({ type: 'text', nullable: true }) idempotencyKey!: string | null;
  @Column({ type: 'text' }) prompt!: string;
  /** Model for this turn; null means the agent's. Another one than before restarts the runtime first. */
  @Column({ type: 'text', nullable: true }) model!: string | null;
  @Column({ type: 'text', default: 'chat' }) lane!: Lane;
  /** Seconds it may take, from when it began; null (older rows) means what the agent allows. */
  @Column({ type: 'int', nullable: true }) timeoutSeconds!: number | null;
  @Column({ type: 'jsonb', nullable: true }) origin!: TurnOrigin | null;
  @Column({ type: 'text' }) state!: TurnState;
  /** Generation it was sent to. */
  @Column({ type: 'int', nullable: true }) generation!: number | null;
  /** A person asked to stop it. */
  @Column({ type: 'boolean', default: false }) cancelRequested!: boolean;
  /** When the runtime was told to stop it. */
  @Column({ type: 'timestamptz', nullable: true }) cancelSentAt!: Date | null;
  /** The agent's last words. */
  @Column({ type: 'text', nullable: true }) answer!: string | null;
  @Column({ type: 'text', nullable: true }) stopReason!: string | null;
  /** Why it did not finish: a sentence for people. */
  @Column({ type: 'text', nullable: true }) error!: string | null;
  @Column({ type: 'int', default: 0 }) toolCount!: number;
  @Column({ type: 'int', default: 0 }) inputTokens!: number;
  @Column({ type: 'int', default: 0 }) outputTokens!: number;
  @Column({ type: 'int', default: 0 }) reasoningTokens!: number;
  @Column({ type: 'int', default: 0 }) cacheReadTokens!: number;
  @Column({ type: 'int', default: 0 }) cacheWriteTokens!: number;
  @Column({ type: 'double precision', default: 0 }) costUsd!: number;
  /** How full the conversation was when it ended, and what it may hold (0: the runtime has not said); null before. */
  @Column({ type: 'int', nullable: true }) contextUsed!: number | null;
  @Column({ type: 'int', nullable: true }) contextMax!: number | null;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) startedAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) endedAt!: Date | null;
}
