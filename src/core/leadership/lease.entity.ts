import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Who does what only one server may do at a time, and until when. */
@Entity('leases')
export class Lease {
  @PrimaryColumn({ type: 'text' }) name!: string;
  /** `<server>/<life>`: a server that was killed finds its own lease again. */
  @Column({ type: 'text' }) holder!: string;
  /** By the database's clock. */
  @Column({ type: 'timestamptz' }) until!: Date;
}
