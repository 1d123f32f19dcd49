import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, ValidateBy } from 'class-validator';
import type { Bundle } from '../../core/credentials/bundle.codec.js';
import type { CredentialsOutcome } from '../../core/credentials/credentials-outcome.js';
import type { SeenCredentials } from '../../core/instances/agent-credentials.service.js';

const isText = (value: unknown): boolean => typeof value === 'string';

/** An object whose members are all texts. */
const IsTextMap = (): PropertyDecorator =>
  ValidateBy({
    name: 'isTextMap',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(isText),
      defaultMessage: () => 'Input should be an object whose values are strings',
    },
  });

export class InjectBody {
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Contents by path, relative to the home',
    example: { '.env': 'GITHUB_TOKEN=example\n' },
  })
  @IsOptional()
  @IsTextMap()
  files?: Record<string, string>;

  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'string' },
    description: 'Binary files, in base64',
  })
  @IsOptional()
  @IsTextMap()
  files_b64?: Record<string, string>;
}

/** Its object form is checked by whoever opens it; a text is looked into just so. */
const IsObjectOrText = (): PropertyDecorator =>
  ValidateBy({
    name: 'isObject',
    validator: {
      validate: (value: unknown) =>
        isText(value) || (typeof value === 'object' && value !== null && !Array.isArray(value)),
      defaultMessage: () => 'Input should be the bundle or its text',
    },
  });

export class ImportBody {
  @ApiPropertyOptional({
    description: 'A bundle, as an object or as its text. Left out: `.credentials.enc` in the home is read.',
    oneOf: [{ type: 'object', additionalProperties: true }, { type: 'string' }],
  })
  @IsOptional()
  @IsObjectOrText()
  bundle?: unknown;
}

export class BundleBodyView {
  @ApiProperty({ example: 1 }) version!: number;
  @ApiProperty({ example: 'AES-256-GCM' }) algorithm!: string;
  @ApiProperty() nonce!: string;
  @ApiProperty() ciphertext!: string;
}

export class CredentialFileView {
  @ApiProperty() exists!: boolean;
  @ApiPropertyOptional() size?: number;
  @ApiPropertyOptional({ example: '2026-03-26T12:00:00.000Z' }) modified?: string;
}

export class CredentialsStatusView {
  @ApiProperty({ example: 'hello' }) agent_name!: string;
  @ApiPropertyOptional({
    type: 'object',
    additionalProperties: { type: 'object' },
    example: { '.env': { exists: true, size: 21, modified: '2026-03-26T12:00:00.000Z' } },
  })
  files?: Record<string, CredentialFileView>;
  @ApiPropertyOptional({ example: 1, description: '`KEY=VALUE` lines of `.env`' }) credential_count?: number;
  @ApiPropertyOptional({ example: 'agent_not_running' }) status?: string;
  @ApiPropertyOptional() message?: string;

  static of(name: string, { found }: SeenCredentials): CredentialsStatusView {
    if (!found) {
      return { agent_name: name, status: 'agent_not_running', message: 'Start the agent to see its credentials.' };
    }
    const files = [...found.files].map(([path, file]): [string, CredentialFileView] => [
      path,
      file ? { exists: true, size: file.size, modified: file.modifiedAt.toISOString() } : { exists: false },
    ]);
    return { agent_name: name, files: Object.fromEntries(files), credential_count: found.variables };
  }
}

export class InjectedView {
  @ApiProperty({ example: 'success' }) status!: string;
  @ApiProperty({ type: [String], example: ['.env'] }) files_written!: string[];
  @ApiProperty() message!: string;
}

export class ExportedView {
  @ApiProperty({ example: 'success' }) status!: string;
  @ApiProperty({ example: '.credentials.enc' }) encrypted_file!: string;
  @ApiProperty({ example: 1 }) files_exported!: number;
  @ApiPropertyOptional({ description: 'Only with `download=true`' }) bundle?: BundleBodyView;

  static of(files: number, bundle: Bundle | null): ExportedView {
    const view = { status: 'success', encrypted_file: '.credentials.enc', files_exported: files };
    return bundle ? { ...view, bundle } : view;
  }
}

export class ImportedView {
  @ApiProperty({ example: 'success' }) status!: string;
  @ApiProperty({ type: [String], example: ['.env'] }) files_imported!: string[];
  @ApiProperty() message!: string;
}

export class EncryptionKeyView {
  @ApiProperty({ description: '64 hex digits' }) key!: string;
  @ApiProperty({ example: 'AES-256-GCM' }) algorithm!: string;
  @ApiProperty() key_format!: string;
  @ApiProperty() note!: string;
}

export class CredentialsResultView {
  @ApiProperty({ example: 'success', enum: ['success', 'skipped', 'failed'] }) status!: string;
  @ApiPropertyOptional({ example: 'no_credentials_enc_file' }) reason?: string;
  @ApiPropertyOptional() error?: string;
  @ApiPropertyOptional({ example: 2 }) credential_count?: number;
  @ApiPropertyOptional({ type: [String], example: ['.env', '.mcp.json'] }) files?: string[];

  /** null: the agent has not been started by this version yet. */
  static of(outcome: CredentialsOutcome | null): CredentialsResultView {
    if (outcome?.status === 'success') {
      return { status: 'success', credential_count: outcome.variables, files: [...outcome.files] };
    }
    if (outcome?.status === 'failed') return { status: 'failed', error: outcome.error };
    const noKey = outcome?.reason === 'no_key';
    return { status: 'skipped', reason: noKey ? 'encryption_not_configured' : 'no_credentials_enc_file' };
  }
}
