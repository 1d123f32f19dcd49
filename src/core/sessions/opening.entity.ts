import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** A first message that waits until its agent runs for the first time; gone once it was sent. */
@Entity('openings')
export class Opening {
  @ForeignKey('Agent', { name: 'openings_agent_id_fkey', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text' })
  agentId!: string;
  /** Who says it. */
  @Column({ type: 'text' }) userId!: string;
  @Column({ type: 'text' }) prompt!: string;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
}
