import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsBoolean, IsInt, IsNotEmpty, IsOptional, IsString } from 'class-validator';
import type { Tree, TreeEntry } from '../../core/instances/agent-files.service.js';
import { AsFlag, AsWhole } from './query-words.js';

export class FilesQuery {
  @IsOptional()
  @IsString()
  path?: string;

  @IsOptional()
  @AsFlag()
  @IsBoolean()
  show_hidden?: boolean;
}

export class DownloadQuery {
  @IsString()
  @IsNotEmpty()
  path!: string;
}

export class LogsQuery {
  @IsOptional()
  @AsWhole()
  @IsInt()
  tail?: number;
}

export class FileView {
  @ApiProperty() name!: string;
  @ApiProperty({ example: 'src/a.py' }) path!: string;
  @ApiProperty({ enum: ['file', 'directory'] }) type!: string;
  @ApiProperty({ required: false }) size?: number;
  @ApiProperty({ required: false }) file_count?: number;
  @ApiProperty() modified!: string;
  @ApiProperty({ type: () => [FileView], required: false }) children?: FileView[];

  static of(entry: TreeEntry): FileView {
    const { name, path, type, size, fileCount, children } = entry;
    const modified = entry.modifiedAt.toISOString();
    if (type === 'file') return { name, path, type, size, modified };
    return { name, path, type, file_count: fileCount, modified, children: children.map((child) => FileView.of(child)) };
  }
}

export class FilesView {
  @ApiProperty({ example: '/home/developer' }) base_path!: string;
  @ApiProperty({ example: '.' }) requested_path!: string;
  @ApiProperty({ type: [FileView] }) tree!: FileView[];
  @ApiProperty() total_files!: number;
  @ApiProperty({ required: false, description: 'There is more than 10,000 entries or 20 levels' }) truncated?: boolean;

  static of(tree: Tree): FilesView {
    return {
      base_path: '/home/developer',
      requested_path: tree.path === '' ? '.' : tree.path,
      tree: tree.entries.map((entry) => FileView.of(entry)),
      total_files: tree.totalFiles,
      ...(tree.truncated ? { truncated: true } : {}),
    };
  }
}

export class LogsView {
  @ApiProperty({ example: 'flotilla: runtime generation 1 started\n' }) logs!: string;
}

export class StatsView {
  @ApiProperty({ example: 3.1 }) cpu_percent!: number;
  @ApiProperty() memory_used_bytes!: number;
  @ApiProperty() memory_limit_bytes!: number;
  @ApiProperty() memory_percent!: number;
  @ApiProperty() network_rx_bytes!: number;
  @ApiProperty() network_tx_bytes!: number;
  @ApiProperty() uptime_seconds!: number;
  @ApiProperty({ example: 'running' }) status!: string;
}

export class ResourceWordsView {
  @ApiProperty({ example: '2' }) cpu!: string;
  @ApiProperty({ example: '4g' }) memory!: string;
}

/** A text, or an object with `name` and `description`. */
const members = {
  type: 'array' as const,
  items: { oneOf: [{ type: 'string' as const }, { type: 'object' as const, additionalProperties: true }] },
};

/** With a `template.yaml`, what it says is part of the answer; without one there is a message. */
export class InfoView {
  @ApiProperty() has_template!: boolean;
  @ApiProperty() agent_name!: string;
  @ApiProperty() template_name!: string;
  @ApiProperty() type!: string;
  @ApiProperty() resources!: ResourceWordsView;
  @ApiProperty({ enum: ['running', 'stopped', 'restarting'] }) status!: string;
  @ApiPropertyOptional() message?: string;
  @ApiPropertyOptional({ example: '/home/developer/template.yaml' }) template_path?: string;
  @ApiPropertyOptional() name?: string;
  @ApiPropertyOptional() display_name?: string;
  @ApiPropertyOptional() tagline?: string;
  @ApiPropertyOptional() description?: string;
  @ApiPropertyOptional() version?: string;
  @ApiPropertyOptional() author?: string;
  @ApiPropertyOptional() updated?: string;
  @ApiPropertyOptional(members) use_cases?: unknown[];
  @ApiPropertyOptional(members) capabilities?: unknown[];
  @ApiPropertyOptional(members) sub_agents?: unknown[];
  @ApiPropertyOptional(members) commands?: unknown[];
  @ApiPropertyOptional(members) platforms?: unknown[];
  @ApiPropertyOptional(members) tools?: unknown[];
  @ApiPropertyOptional(members) skills?: unknown[];
  @ApiPropertyOptional(members) mcp_servers?: unknown[];
}
