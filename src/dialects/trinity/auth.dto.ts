import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString } from 'class-validator';

export class TokenBody {
  @ApiProperty({ example: 'admin', description: "User name, or the account's e-mail address." })
  @IsString()
  username!: string;

  @ApiProperty({ example: 'correct horse battery staple', format: 'password' })
  @IsString()
  password!: string;
}

export class TokenView {
  @ApiProperty({ example: 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhZG1pbiJ9.c2lnbmF0dXJl' })
  access_token!: string;
  @ApiProperty({ example: 'bearer' }) token_type!: string;
}

export class AuthModeView {
  @ApiProperty({ example: false }) dev_mode_enabled!: boolean;
  @ApiProperty({ example: false }) auth0_configured!: boolean;
  @ApiProperty({ example: true, description: 'Codes by e-mail' }) email_auth_enabled!: boolean;
  @ApiProperty({ example: '' }) allowed_domain!: string;
  @ApiProperty({ example: true }) setup_completed!: boolean;
}

export class ValidateQuery {
  @ApiPropertyOptional({ description: 'Only where neither header nor cookie can be sent.' })
  @IsOptional()
  @IsString()
  token?: string;
}

export class ValidateView {
  @ApiProperty({ example: 'valid' }) status!: string;
  @ApiProperty({ example: 'admin' }) user!: string;
}

export class LoggedOutView {
  @ApiProperty({ example: 'logged_out' }) status!: string;
}

export class TicketView {
  @ApiProperty({ description: 'Good once: `/ws?ticket=...`.' }) ticket!: string;
  @ApiProperty({ example: 30, description: 'Seconds.' }) expires_in!: number;
}
