import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A variable of an organisation, or of one of its groups, with its value sealed. */
@Entity('secrets')
@Index('secrets_org', ['orgId', 'name'], { unique: true, where: 'group_id IS NULL' })
@Index('secrets_group', ['groupId', 'name'], { unique: true })
export class SecretRow {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) orgId!: string;
  /** Null: of the organisation. */
  @ForeignKey('Group', { name: 'secrets_group_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text', nullable: true })
  groupId!: string | null;
  @Column({ type: 'text' }) name!: string;
  /** Opens for this id, organisation, group and name only. */
  @Column({ type: 'text' }) sealed!: string;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) updatedAt!: Date;
}
