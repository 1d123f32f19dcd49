import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** Access to one agent for whoever signs in with an e-mail address. */
@Entity('agent_shares')
@Index('agent_shares_agent_email', ['agentId', 'email'], { unique: true })
@Index('agent_shares_email', ['email'])
export class AgentShare {
  @PrimaryGeneratedColumn({ type: 'int' }) id!: number;
  @ForeignKey('Agent', { name: 'agent_shares_agent_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  agentId!: string;
  /** Lower case. */
  @Column({ type: 'text' }) email!: string;
  @Column({ type: 'text' }) sharedById!: string;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
}
