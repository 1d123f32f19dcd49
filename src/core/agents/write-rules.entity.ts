import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** What an agent in read-only mode may write; without a row the defaults hold. Patterns as in `write.rules.ts`. */
@Entity('write_rules')
export class WriteRules {
  @ForeignKey('Agent', { name: 'write_rules_agent_id_fkey', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text' })
  agentId!: string;
  @Column({ type: 'jsonb', default: [] }) blocked!: string[];
  /** Wins over `blocked`. */
  @Column({ type: 'jsonb', default: [] }) allowed!: string[];
}
