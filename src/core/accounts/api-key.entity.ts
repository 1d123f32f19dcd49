import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Permission } from '../access/principal.js';

/** What a key may do at most: some permissions, or `*` for everything its user's role allows. */
export type KeyScope = Permission | '*';

/** A long-lived credential of one dialect. It acts for its user; with `agentId` for that one agent only. */
@Entity('api_keys')
@Index('api_keys_hash', ['hash'], { unique: true })
@Index('api_keys_user', ['userId'])
@Index('api_keys_agent', ['agentId'])
export class ApiKey {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) dialect!: string;
  @Column({ type: 'text' }) userId!: string;
  /** Where things made with this key go. */
  @Column({ type: 'text' }) orgId!: string;
  @Column({ type: 'text', nullable: true }) agentId!: string | null;
  @Column({ type: 'text' }) label!: string;
  @Column({ type: 'text', nullable: true }) description!: string | null;
  /** First characters, so that people can tell their keys apart. */
  @Column({ type: 'text' }) prefix!: string;
  /** SHA-256 of the whole key, hex. The key itself is not stored. */
  @Column({ type: 'text' }) hash!: string;
  @Column({ type: 'jsonb', default: [] }) scopes!: KeyScope[];
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz', nullable: true }) lastUsedAt!: Date | null;
  @Column({ type: 'int', default: 0 }) usageCount!: number;
  @Column({ type: 'timestamptz', nullable: true }) revokedAt!: Date | null;
}
