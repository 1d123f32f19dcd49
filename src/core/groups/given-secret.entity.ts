import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/**
 * A secret as the processes of an instance got it when its container started. Earlier ones are kept, so that a value
 * which the agent wrote down somewhere is still not shown when it is printed later.
 */
@Entity('given_secrets')
@Index('given_secrets_instance', ['instanceId'])
export class GivenSecret {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @ForeignKey('Instance', { name: 'given_secrets_instance_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  instanceId!: string;
  @Column({ type: 'text' }) name!: string;
  /** Opens for this id, instance and name only. */
  @Column({ type: 'text' }) sealed!: string;
  /** False: an earlier start had it. */
  @Column({ type: 'boolean' }) current!: boolean;
  @Column({ type: 'timestamptz' }) givenAt!: Date;
}
