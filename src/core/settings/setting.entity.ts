import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One value of the installation, changed while it runs. What is fixed at start belongs to Config. */
@Entity('settings')
export class Setting {
  @PrimaryColumn({ type: 'text' }) key!: string;
  @Column({ type: 'jsonb' }) value!: unknown;
  @Column({ type: 'timestamptz', default: () => 'now()' }) updatedAt!: Date;
}
