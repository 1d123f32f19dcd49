import { ApiProperty } from '@nestjs/swagger';
import { IsNotEmpty, IsString } from 'class-validator';

export class FileBody {
  @ApiProperty({ example: 'Hello\n', description: 'All of the file' })
  @IsString()
  content!: string;
}

export class FolderBody {
  @ApiProperty({ example: 'notes' })
  @IsString()
  @IsNotEmpty()
  path!: string;
}

export class FileWrittenView {
  @ApiProperty({ example: true }) success!: boolean;
  @ApiProperty({ example: 'notes/hello.txt' }) path!: string;
  @ApiProperty({ example: 6 }) size!: number;
}

export class FolderMadeView {
  @ApiProperty({ example: true }) success!: boolean;
  @ApiProperty({ example: 'notes' }) path!: string;
}

export class FileRemovedView {
  @ApiProperty({ example: true }) success!: boolean;
  @ApiProperty({ example: 'notes' }) deleted!: string;
  @ApiProperty({ enum: ['file', 'directory'] }) type!: string;
  @ApiProperty({ example: 1 }) file_count!: number;
}
