import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A token refused before its time: a login that signed out, or a ticket that was used. Dropped once it has expired. */
@Entity('revoked_logins')
@Index('revoked_logins_expiry', ['expiresAt'])
export class RevokedLogin {
  @PrimaryColumn({ type: 'text' }) jti!: string;
  @Column({ type: 'timestamptz' }) expiresAt!: Date;
}
