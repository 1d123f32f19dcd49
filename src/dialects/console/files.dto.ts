import { ApiProperty } from '@nestjs/swagger';
import { IsNotEmpty, IsString } from 'class-validator';

export class UploadQuery {
  @IsString()
  @IsNotEmpty()
  path!: string;
}

export class UploadedView {
  @ApiProperty({ example: 'notes/picture.png', description: 'Where it is, links followed' }) path!: string;
  @ApiProperty({ example: 70312 }) size!: number;
}
