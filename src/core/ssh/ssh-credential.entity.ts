import { Column, Entity, ForeignKey, Index, PrimaryColumn } from 'typeorm';

/** A public key that opens one agent over SSH until it expires. Revoking deletes it. */
@Entity('ssh_credentials')
@Index('ssh_credentials_agent', ['agentId', 'createdAt'])
@Index('ssh_credentials_expiry', ['expiresAt'])
export class SshCredential {
  @PrimaryColumn({ type: 'text' }) id!: string;
  @ForeignKey('Agent', { name: 'ssh_credentials_agent_id_fkey', onDelete: 'CASCADE' })
  @Column({ type: 'text' })
  agentId!: string;
  /** Who made it; it is good for as long as they own the agent. */
  @Column({ type: 'text' }) userId!: string;
  /** `ssh-ed25519`, `ssh-rsa` ... */
  @Column({ type: 'text' }) keyType!: string;
  /** The key's blob, base64. */
  @Column({ type: 'text' }) publicKey!: string;
  /** `SHA256:...`, as `ssh-keygen -l` prints it. */
  @Column({ type: 'text' }) fingerprint!: string;
  @Column({ type: 'timestamptz' }) createdAt!: Date;
  @Column({ type: 'timestamptz' }) expiresAt!: Date;
}
