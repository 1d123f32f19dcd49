import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** What an agent's home is filled with before its first start: files of a template, a repository, or both. */
@Entity('agent_seeds')
export class AgentSeed {
  @ForeignKey('Agent', { name: 'agent_seeds_agent_id_fkey', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text' })
  agentId!: string;
  /** Name of a template folder. */
  @Column({ type: 'text', nullable: true }) template!: string | null;
  /** `owner/name`. */
  @Column({ type: 'text', nullable: true }) repository!: string | null;
  /** Null: the repository's own choice. */
  @Column({ type: 'text', nullable: true }) branch!: string | null;
  /** Null until everything is in place; from then on nothing is delivered again. */
  @Column({ type: 'timestamptz', nullable: true }) deliveredAt!: Date | null;
}
