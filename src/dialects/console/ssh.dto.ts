import { ApiProperty } from '@nestjs/swagger';
import type { ListedSsh } from '../../core/ssh/ssh-access.service.js';

export class SshCredentialView {
  @ApiProperty() id!: string;
  @ApiProperty({ example: 'SHA256:uXkXH1nBAPkVbaUq8nJrvHZ7TGJYPLk8RQHFHIsZpxE' }) fingerprint!: string;
  @ApiProperty({ example: 'ssh-ed25519' }) key_type!: string;
  @ApiProperty({ type: 'string', nullable: true, description: 'Null when the account is gone' }) created_by!:
    string | null;
  @ApiProperty() created_at!: string;
  @ApiProperty() expires_at!: string;

  static of({ credential, createdBy }: ListedSsh): SshCredentialView {
    return {
      id: credential.id,
      fingerprint: credential.fingerprint,
      key_type: credential.keyType,
      created_by: createdBy,
      created_at: credential.createdAt.toISOString(),
      expires_at: credential.expiresAt.toISOString(),
    };
  }
}

export class SshRevokedView {
  @ApiProperty({ example: true }) revoked!: boolean;
}
