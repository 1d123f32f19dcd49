import { ApiProperty } from '@nestjs/swagger';
import { IsString } from 'class-validator';

export class AdminPasswordBody {
  @ApiProperty({ minLength: 8, format: 'password', example: 'correct horse battery staple' })
  @IsString()
  password!: string;

  @ApiProperty({ format: 'password', example: 'correct horse battery staple' })
  @IsString()
  confirm_password!: string;
}

export class SetupStatusView {
  @ApiProperty({ example: true }) setup_completed!: boolean;
}

export class SetupDoneView {
  @ApiProperty({ example: true }) success!: boolean;
}
