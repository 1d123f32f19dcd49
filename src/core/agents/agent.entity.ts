import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

export type ApprovalsMode = 'ask' | 'auto';

/** A model and whose it is, as the columns of an agent say it. */
export interface ModelWish {
  readonly model: string | null;
  readonly provider: string | null;
}

/** A configuration: runtime, model, prompts, limits, and who owns it. Its containers are Instances. */
@Entity('agents')
@Index('agents_slug', ['slug'], { unique: true })
@Index('agents_owner', ['ownerId'])
@Index('agents_org', ['orgId'])
@Index('agents_group', ['groupId'])
export class Agent {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @Column({ type: 'text' }) orgId!: string;
  @Column({ type: 'text' }) ownerId!: string;
  /** The group it is in; then it gets that group's secrets, and none of the organisation's. */
  @ForeignKey('Group', { name: 'agents_group_id_fkey', onDelete: 'SET NULL' })
  @Column({ type: 'text', nullable: true })
  groupId!: string | null;
  /** Unique in the installation; what trinity and SSH address. */
  @Column({ type: 'text' }) slug!: string;
  @Column({ type: 'text' }) displayName!: string;
  @Column({ type: 'text' }) type!: string;
  @Column({ type: 'text' }) runtime!: string;
  /** What its container is made from instead of the runtime's own image. */
  @Column({ type: 'text', nullable: true }) image!: string | null;
  @Column({ type: 'text', nullable: true }) model!: string | null;
  /** Whose model it is, where one provider shall serve it; null: the first that the runtime can use. */
  @Column({ type: 'text', nullable: true }) provider!: string | null;
  /** What it uses from its next start on; null: the same as now. */
  @Column({ type: 'jsonb', nullable: true }) nextModel!: ModelWish | null;
  @Column({ type: 'text', nullable: true }) template!: string | null;
  /** Extra system prompt. */
  @Column({ type: 'text', nullable: true }) instructions!: string | null;
  /** More of them, shown to nobody: sealed. */
  @Column({ type: 'text', nullable: true }) privateInstructions!: string | null;
  @Column({ type: 'text', nullable: true }) githubRepo!: string | null;
  /** Cores, as asked for: "2", "0.5". */
  @Column({ type: 'text' }) cpu!: string;
  /** Memory, as asked for: "4g". */
  @Column({ type: 'text' }) memory!: string;
  /** Limits that were set later, and win over what was asked for. */
  @Column({ type: 'text', nullable: true }) cpuLimit!: string | null;
  @Column({ type: 'text', nullable: true }) memoryLimit!: string | null;
  @Column({ type: 'text' }) approvals!: ApprovalsMode;
  @Column({ type: 'boolean', default: false }) autonomy!: boolean;
  @Column({ type: 'boolean', default: false }) readOnly!: boolean;
  @Column({ type: 'boolean', default: false }) isSystem!: boolean;
  /** Seconds one turn may take. */
  @Column({ type: 'int', default: 3600 }) timeoutSeconds!: number;
  @Column({ type: 'jsonb', default: [] }) tags!: string[];
  /** Approval patterns a person answered with "always". */
  @Column({ type: 'jsonb', default: [] }) alwaysAllowed!: string[];
  /** Whether its runtime gets the installation's provider key; else it signs in with what its own home holds. */
  @Column({ type: 'boolean', default: true }) platformKey!: boolean;
  /** Bumped on every configuration change; an instance made from an older revision differs from what is stored. */
  @Column({ type: 'int', default: 1 }) revision!: number;
  /** What happened before is left out of the view of what the agent does now. */
  @Column({ type: 'timestamptz', nullable: true }) activityClearedAt!: Date | null;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) updatedAt!: Date;
}
