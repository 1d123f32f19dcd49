import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsNotEmpty, IsOptional, IsString, MaxLength } from 'class-validator';

/** What somebody says to an agent. */
export class MessageBody {
  @ApiProperty({ example: 'Create hello.txt. <<write hello.txt hi>>' })
  @IsString()
  @IsNotEmpty()
  message!: string;

  @ApiPropertyOptional({ description: "For this message, instead of the agent's own model" })
  @IsOptional()
  @IsString()
  @MaxLength(200)
  model?: string;
}
