import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Role } from '../access/principal.js';

/** Somebody who can sign in. */
@Entity('users')
@Index('users_username', ['username'], { unique: true })
@Index('users_email', ['email'], { unique: true })
@Index('users_number', ['number'], { unique: true })
export class User {
  @PrimaryColumn({ type: 'text' }) id!: string;
  /** For APIs that number people. */
  @Column({ type: 'int', generated: 'increment' }) number!: number;
  @Column({ type: 'text' }) username!: string;
  /** Always normalised (`normalizeEmail`), so that the unique index ignores case. */
  @Column({ type: 'text', nullable: true }) email!: string | null;
  /** Since when the address is known to be theirs. Until then it is a mere claim: it lets them see nothing that was shared with it. */
  @Column({ type: 'timestamptz', nullable: true }) emailProvenAt!: Date | null;
  /** argon2id; null: cannot sign in with a password. */
  @Column({ type: 'text', nullable: true }) passwordHash!: string | null;
  @Column({ type: 'text' }) role!: Role;
  @Column({ type: 'text', nullable: true }) name!: string | null;
  /** Address of an image. */
  @Column({ type: 'text', nullable: true }) picture!: string | null;
  @Column({ type: 'text' }) personalOrgId!: string;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) lastLoginAt!: Date | null;
  /** Refused everywhere since then. */
  @Column({ type: 'timestamptz', nullable: true }) suspendedAt!: Date | null;
  /** Logins made under an earlier password are refused. */
  @Column({ type: 'timestamptz', nullable: true }) passwordChangedAt!: Date | null;
}
