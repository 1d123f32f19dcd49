import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who agents belong to: every user has a personal one, teams are joined. */
@Entity('organisations')
export class Organisation {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) name!: string;
  @Column({ type: 'text' }) kind!: 'personal' | 'team';
  @Column({ type: 'timestamptz' }) createdAt!: Date;
}
