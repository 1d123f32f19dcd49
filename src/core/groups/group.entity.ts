import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Agents of an organisation that share secrets. */
@Entity('agent_groups')
@Index('agent_groups_name', ['orgId', 'nameKey'], { unique: true })
export class Group {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) orgId!: string;
  @Column({ type: 'text' }) name!: string;
  /** The name as it is compared: letter case makes no difference. */
  @Column({ type: 'text' }) nameKey!: string;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) updatedAt!: Date;
}
