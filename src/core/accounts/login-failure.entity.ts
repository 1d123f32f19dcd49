import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Failed sign-ins of one account or address within one window. Stored, so that a restart forgives nothing. */
@Entity('login_failures')
@Index('login_failures_end', ['windowEndsAt'])
export class LoginFailure {
  /** Digest of what was tried: people type passwords into the wrong field. */
  @PrimaryColumn({ type: 'text' }) key!: string;
  @Column({ type: 'int' }) count!: number;
  @Column({ type: 'timestamptz' }) windowEndsAt!: Date;
}
