import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** Which folders an agent shares with others; without a row: none. */
@Entity('agent_folders')
export class AgentFolders {
  @ForeignKey('Agent', { name: 'agent_folders_agent_id_fkey', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text' })
  agentId!: string;
  /** Others that may call it can have its `shared-out`. */
  @Column({ type: 'boolean', default: false }) expose!: boolean;
  /** It gets the folders of those it may call. */
  @Column({ type: 'boolean', default: false }) consume!: boolean;
}
