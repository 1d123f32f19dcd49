import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** Who did what to which thing, and how it ended. Written in the transaction of the change; never updated. */
@Entity('audit')
@Index('audit_at', ['at'])
@Index('audit_object', ['object'])
export class AuditEntry {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id!: string;
  @Column({ type: 'timestamptz' }) at!: Date;
  /** User id, or `system`. */
  @Column({ type: 'text' }) principal!: string;
  /** How they signed in: `login`, `key:<id>`, `system`. */
  @Column({ type: 'text' }) via!: string;
  /** `agent.created`, `user.signed_in` ... */
  @Column({ type: 'text' }) action!: string;
  /** `agent:<id>`, `user:<id>` ... */
  @Column({ type: 'text' }) object!: string;
  @Column({ type: 'text' }) result!: 'done' | 'refused' | 'failed';
  /** Never a secret. */
  @Column({ type: 'jsonb', default: {} }) data!: Record<string, unknown>;
}
