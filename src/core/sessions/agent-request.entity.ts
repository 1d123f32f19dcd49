import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export type AgentRequestState = 'open' | 'answering' | 'answered' | 'expired' | 'cancelled';

/** An Approval or a Question: what an agent asks a person while it works. Answered exactly once. */
@Entity('agent_requests')
@Index('agent_requests_origin', ['instanceId', 'generation', 'rpcId'], { unique: true })
@Index('agent_requests_state', ['state', 'createdAt'])
@Index('agent_requests_turn', ['turnId'])
export class AgentRequest {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) kind!: 'approval' | 'question';
  @Column({ type: 'text' }) state!: AgentRequestState;
  @ForeignKey('Agent', { name: 'agent_requests_agent_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  agentId!: string;
  @Column({ type: 'text' }) sessionId!: string;
  @Column({ type: 'text', nullable: true }) turnId!: string | null;
  @Column({ type: 'text' }) instanceId!: string;
  @Column({ type: 'int' }) generation!: number;
  /** The runtime's request id as JSON text: 0 and "0" differ. For a bridged question `tool:<id>`. */
  @Column({ type: 'text' }) rpcId!: string;
  /** What is asked, in our own words; see `request.rules.ts`. */
  @Column({ type: 'jsonb' }) payload!: Record<string, unknown>;
  /** What "always" would allow. */
  @Column({ type: 'text', nullable: true }) pattern!: string | null;
  @Column({ type: 'jsonb', nullable: true }) answer!: Record<string, unknown> | null;
  /** User id, or `policy` when a rule answered. */
  @Column({ type: 'text', nullable: true }) answeredBy!: string | null;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) expiresAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) answeredAt!: Date | null;
}
