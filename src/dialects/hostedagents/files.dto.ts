import { ApiProperty } from '@nestjs/swagger';
import type { Uploaded, Uploads } from '../../core/instances/agent-uploads.service.js';
import { largestUploads } from '../../core/instances/upload.rules.js';
import { mimeByName } from '../shared/mime.js';

const folder = '/workspace/uploads';

export class StoredFileView {
  @ApiProperty({ example: 'spec.pdf' }) name!: string;
  @ApiProperty({ example: `${folder}/spec.pdf` }) path!: string;
  @ApiProperty({ example: 48213 }) size!: number;
  @ApiProperty({ example: 'application/pdf' }) type!: string;
}

export class UploadedView {
  @ApiProperty({ example: true }) uploaded!: true;
  @ApiProperty({ type: StoredFileView }) file!: StoredFileView;
  @ApiProperty({ example: 48213, description: 'Bytes of all files' }) totalBytes!: number;

  static of({ name, size }: Uploaded, claimed: string, totalBytes: number): UploadedView {
    const [known] = (mimeByName(name) ?? '').split(';');
    const type = known || (/^[\w.+-]+\/[\w.+-]+$/.test(claimed) ? claimed : 'application/octet-stream');
    return { uploaded: true, file: { name, path: `${folder}/${name}`, size, type }, totalBytes };
  }
}

export class FileView {
  @ApiProperty({ example: 'spec.pdf' }) name!: string;
  @ApiProperty({ example: `${folder}/spec.pdf` }) path!: string;
  @ApiProperty({ example: 48213 }) size!: number;
  @ApiProperty({ example: '2026-03-26T12:00:00.000Z' }) uploadedAt!: string;
}

export class FilesView {
  @ApiProperty({ type: [FileView] }) files!: FileView[];
  @ApiProperty({ example: 48213 }) totalBytes!: number;
  @ApiProperty({ example: largestUploads }) maxBytes!: number;

  static of({ files, totalBytes }: Uploads): FilesView {
    return {
      files: files.map(({ name, size, uploadedAt }) => ({
        name,
        path: `${folder}/${name}`,
        size,
        uploadedAt: uploadedAt.toISOString(),
      })),
      totalBytes,
      maxBytes: largestUploads,
    };
  }
}
