import { ApiProperty } from '@nestjs/swagger';
import { IsString } from 'class-validator';
import type { GivenShare } from '../../core/sharing/sharing.service.js';

export class ShareBody {
  @ApiProperty({ example: 'ada@example.com', description: 'It needs no account here yet' })
  @IsString()
  email!: string;
}

export class ShareView {
  @ApiProperty({ example: 7 }) id!: number;
  @ApiProperty({ example: 'research-agent' }) agent_name!: string;
  @ApiProperty({ example: 'ada@example.com' }) shared_with_email!: string;
  @ApiProperty({ example: 1, description: 'Number of the user who shared it' }) shared_by_id!: number;
  @ApiProperty({ example: 'admin', description: 'Their e-mail address, or else their user name' })
  shared_by_email!: string;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) created_at!: string;

  static of(agentName: string, { id, email, givenByNumber, givenBy, createdAt }: GivenShare): ShareView {
    return {
      id,
      agent_name: agentName,
      shared_with_email: email,
      shared_by_id: givenByNumber,
      shared_by_email: givenBy,
      created_at: createdAt.toISOString(),
    };
  }
}
