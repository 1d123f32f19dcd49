import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

export type MembershipRole = 'admin' | 'member';

/** A user's place in an organisation. */
@Entity('memberships')
@Index('memberships_user', ['userId'])
export class Membership {
  @PrimaryColumn({ type: 'text' }) orgId!: string;
  @PrimaryColumn({ type: 'text' }) userId!: string;
  @Column({ type: 'text' }) role!: MembershipRole;
}
