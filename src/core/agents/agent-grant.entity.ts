import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/**
 * Whether one agent may call another where that differs from the rule: agents of one owner may call each other, others may
 * not. Only differences are stored, so that a new agent costs no row for each that is there.
 */
@Entity('agent_grants')
@Index('agent_grants_target', ['targetId'])
export class AgentGrant {
  @ForeignKey('Agent', { name: 'agent_grants_source_id_fkey', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text' })
  sourceId!: string;
  @ForeignKey('Agent', { name: 'agent_grants_target_id_fkey', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text' })
  targetId!: string;
  @Column({ type: 'boolean' }) allowed!: boolean;
  @Column({ type: 'timestamptz' }) updatedAt!: Date;
}
