import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { type Role, roles } from '../../core/access/principal.js';
import type { User } from '../../core/accounts/user.entity.js';

export class RoleBody {
  @ApiProperty({ enum: roles, example: 'user' })
  @IsString()
  role!: string;
}

export class EmailBody {
  @ApiProperty({ example: 'ada@example.com' })
  @IsString()
  email!: string;

  @ApiPropertyOptional({ example: '123456', description: 'A code mailed to that address proves that it is yours' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  code?: string;
}

export class MeView {
  @ApiProperty({ example: 'admin' }) username!: string;
  @ApiProperty({ type: String, nullable: true, example: 'admin@example.com' }) email!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null }) name!: string | null;
  @ApiProperty({ type: String, nullable: true, example: null }) picture!: string | null;
  @ApiProperty({ enum: roles, example: 'admin' }) role!: Role;

  static of({ username, email, name, picture, role }: User): MeView {
    return { username, email, name, picture, role };
  }
}

export class UserView extends MeView {
  @ApiProperty({ example: '0b6f0c5e-6f0e-4c0e-9a43-5c1f3a2f9d11' }) id!: string;
  @ApiProperty({ type: String, format: 'date-time' }) created_at!: string;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) last_login!: string | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true }) suspended_at!: string | null;

  static override of(user: User): UserView {
    return {
      id: user.id,
      username: user.username,
      email: user.email,
      role: user.role,
      name: user.name,
      picture: user.picture,
      created_at: user.createdAt.toISOString(),
      last_login: user.lastLoginAt?.toISOString() ?? null,
      suspended_at: user.suspendedAt?.toISOString() ?? null,
    };
  }
}

export class RoleView {
  @ApiProperty({ example: 'ada' }) username!: string;
  @ApiProperty({ enum: roles, example: 'user' }) role!: Role;
}

export class EmailView {
  @ApiProperty({ example: true }) success!: boolean;
  @ApiProperty({ type: String, nullable: true, example: 'ada@example.com' }) email!: string | null;
}
