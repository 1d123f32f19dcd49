import { Readable } from 'node:stream';
import { StreamableFile } from '@nestjs/common';
import type { Download } from '../../core/instances/agent-files.service.js';

/** A file of an agent as an answer, piece by piece. Names with any character survive in `filename*`. */
export function sent(file: Download, how: 'attachment' | 'inline', type: string): StreamableFile {
  const plain = file.name.replace(/[^\w.-]/g, '_');
  return new StreamableFile(Readable.from(file.data, { objectMode: false }), {
    type,
    length: file.size,
    disposition: `${how}; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(file.name)}`,
  });
}
