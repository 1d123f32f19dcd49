import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';
import type { Made } from './engine.port.js';
import type { CredentialsOutcome } from '../credentials/credentials-outcome.js';
import type { InstanceState } from './instance.lifecycle.js';

/** One container made from an agent. `desired` is what was asked for, `state` what is. */
@Entity('instances')
@Index('instances_agent', ['agentId'])
export class Instance {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @ForeignKey('Agent', { name: 'instances_agent_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  agentId!: string;
  @Column({ type: 'text' }) desired!: 'running' | 'stopped' | 'removed';
  @Column({ type: 'text' }) state!: InstanceState;
  /** Since when `state` holds. */
  @Column({ type: 'timestamptz' }) stateSince!: Date;
  /** Why it is not running, or what it waits for: a sentence for people. */
  @Column({ type: 'text', nullable: true }) reason!: string | null;
  /** Why it last failed or ended unasked; null once it ran again. */
  @Column({ type: 'text', nullable: true }) lastError!: string | null;
  /** Seconds it may take to end when it is stopped, before it is killed; null: the usual. */
  @Column({ type: 'int', nullable: true }) graceSeconds!: number | null;
  /** Container id; null before it was made and after it is gone. */
  @Column({ type: 'text', nullable: true }) ref!: string | null;
  @Column({ type: 'text', nullable: true }) containerName!: string | null;
  @Column({ type: 'text', nullable: true }) image!: string | null;
  /** The engine's start time of the run we know: another one means it was restarted behind our back. */
  @Column({ type: 'text', nullable: true }) boot!: string | null;
  @Column({ type: 'timestamptz', nullable: true }) startedAt!: Date | null;
  @Column({ type: 'int', nullable: true }) exitCode!: number | null;
  @Column({ type: 'boolean', default: false }) oomKilled!: boolean;
  /** Failed attempts since it last ran well; drives the back-off. */
  @Column({ type: 'int', default: 0 }) failures!: number;
  /** No attempt before this time. */
  @Column({ type: 'timestamptz', nullable: true }) retryAt!: Date | null;
  /** The agent's revision this container was made from. */
  @Column({ type: 'int', default: 0 }) revision!: number;
  /** Somebody asked to start it: when it runs already, what it is made of is compared with what is stored. Null once that is done. */
  @Column({ type: 'timestamptz', nullable: true }) renewAt!: Date | null;
  /** What the container was made with, as the engine told; null before the first. */
  @Column({ type: 'jsonb', nullable: true }) made!: Made | null;
  /** What became of the credentials bundle in the home when this run began. */
  @Column({ type: 'jsonb', nullable: true }) credentials!: CredentialsOutcome | null;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
}
