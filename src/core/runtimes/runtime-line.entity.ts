import { Column, Entity, ForeignKey, PrimaryColumn } from 'typeorm';

/** One line for a runtime's standard input, numbered in its generation. Kept until the feeder has fed it. */
@Entity('runtime_lines')
export class RuntimeLine {
  @ForeignKey('Instance', { name: 'runtime_lines_instance_id_fkey', onDelete: 'CASCADE' })
  @PrimaryColumn({ type: 'text' })
  instanceId!: string;
  @PrimaryColumn({ type: 'int' }) generation!: number;
  @PrimaryColumn({ type: 'int' }) number!: number;
  @Column({ type: 'text' }) line!: string;
}
