import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** Processes that somebody at a terminal started: all that carry this id in their environment, on one server's account. */
@Entity('shells')
@Index('shells_instance', ['instanceId'])
@Index('shells_sole_key', ['soleKey'], { unique: true })
export class ShellRow {
  /** Value of FLOTILLA_EXEC in the environment of each of them. */
  @PrimaryColumn({ type: 'text' }) id!: string;
  @ForeignKey('Instance', { name: 'shells_instance_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  instanceId!: string;
  /** The server that holds the connection. */
  @Column({ type: 'text' }) replica!: string;
  /** At most one shell has it: one terminal for each user and agent. */
  @Column({ type: 'text', nullable: true }) soleKey!: string | null;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  /** When that server last said that it is there. */
  @Column({ type: 'timestamptz' }) seenAt!: Date;
}
