import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';
import type { Role } from '../access/principal.js';

/** An address whose holder may sign in by e-mail, and thereby get an account. */
@Entity('email_whitelist')
@Index('email_whitelist_email', ['email'], { unique: true })
export class WhitelistedEmail {
  @PrimaryGeneratedColumn({ type: 'int' }) id!: number;
  /** Normalised. */
  @Column({ type: 'text' }) email!: string;
  /** User id; null: the server itself. */
  @Column({ type: 'text', nullable: true }) addedById!: string | null;
  @Column({ type: 'timestamptz' }) addedAt!: Date;
  /** `manual`, or what made it: `agent_sharing`. */
  @Column({ type: 'text' }) source!: string;
  /** Role of the account that the first sign-in makes. */
  @Column({ type: 'text' }) defaultRole!: Role;
}
