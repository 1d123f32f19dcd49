import { Column, Entity, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A sign-in code that was sent and not used yet. An address may have several: mails overtake each other. */
@Entity('email_codes')
@Index('email_codes_email', ['email'])
@Index('email_codes_expiry', ['expiresAt'])
export class EmailCode {
  @PrimaryGeneratedColumn({ type: 'bigint' }) id!: string;
  /** Normalised. */
  @Column({ type: 'text' }) email!: string;
  /** Keyed with the master key: six digits alone would be guessed from any plain hash. */
  @Column({ type: 'text' }) hash!: string;
  @Column({ type: 'timestamptz' }) expiresAt!: Date;
}
