import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import type { User } from '../../core/accounts/user.entity.js';
import type { ListedEmail } from '../../core/accounts/whitelist.service.js';
import { TokenView } from './auth.dto.js';
import { MeView } from './users.dto.js';

export class CodeRequestBody {
  @ApiProperty({ example: 'ada@example.com' })
  @IsString()
  email!: string;
}

export class CodeRequestedView {
  @ApiProperty({ example: true }) success!: boolean;
  @ApiProperty({ example: 'If this address may sign in, a code is on its way.' }) message!: string;
}

export class CodeBody extends CodeRequestBody {
  @ApiProperty({ example: '042137', description: 'Six digits, as mailed' })
  @IsString()
  @MaxLength(100)
  code!: string;
}

export class EmailTokenView extends TokenView {
  @ApiProperty() user!: MeView;

  static of(accessToken: string, user: User): EmailTokenView {
    return { access_token: accessToken, token_type: 'bearer', user: MeView.of(user) };
  }
}

export class WhitelistBody extends CodeRequestBody {
  @ApiPropertyOptional({ example: 'manual', description: 'Accepted and ignored: what is added here is added by hand' })
  @IsOptional()
  @IsString()
  source?: string;
}

export class WhitelistEntryView {
  @ApiProperty({ example: 3 }) id!: number;
  @ApiProperty({ example: 'ada@example.com' }) email!: string;
  @ApiProperty({ type: String, nullable: true, description: 'User id' }) added_by!: string | null;
  @ApiProperty({ type: String, nullable: true, example: 'admin' }) added_by_username!: string | null;
  @ApiProperty({ type: String, format: 'date-time' }) added_at!: string;
  @ApiProperty({ example: 'manual', enum: ['manual', 'agent_sharing'] }) source!: string;
  @ApiProperty({ example: 'user', description: 'Role of the account that the first sign-in makes' })
  default_role!: string;

  static of({ id, email, addedById, addedBy, addedAt, source, defaultRole }: ListedEmail): WhitelistEntryView {
    return {
      id,
      email,
      added_by: addedById,
      added_by_username: addedBy,
      added_at: addedAt.toISOString(),
      source,
      default_role: defaultRole,
    };
  }
}

export class WhitelistView {
  @ApiProperty({ type: [WhitelistEntryView] }) whitelist!: WhitelistEntryView[];
}

export class WhitelistedView {
  @ApiProperty({ example: true }) success!: boolean;
  @ApiProperty({ example: 'ada@example.com' }) email!: string;
}
