import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Allow } from 'class-validator';
import { Invalid } from '../../core/errors/domain-error.js';
import type { FolderConsumer, FolderFlags, FolderStatus, SourceFolder } from '../../core/folders/folders.service.js';
import { statusOf } from './words.js';

export const homePath = '/home/developer';

export class FoldersBody {
  @ApiPropertyOptional({ type: Boolean, example: false, description: 'Let others have its shared-out' })
  @Allow()
  expose_enabled?: unknown;

  @ApiPropertyOptional({ type: Boolean, example: false, description: 'Get the folders of agents it may call' })
  @Allow()
  consume_enabled?: unknown;
}

/** What a body asks for; null counts as absent. */
export function flagsOf(body: FoldersBody | undefined): Partial<FolderFlags> {
  return {
    ...flag('expose', 'expose_enabled', body?.expose_enabled),
    ...flag('consume', 'consume_enabled', body?.consume_enabled),
  };
}

function flag(name: keyof FolderFlags, field: string, value: unknown): Partial<FolderFlags> {
  if (value === undefined || value === null) return {};
  if (typeof value !== 'boolean') throw new Invalid(`${field} must be true or false`, [], 'bad_flag');
  return { [name]: value };
}

export class ConsumedFolderView {
  @ApiProperty({ example: 'writer' }) source_agent!: string;
  @ApiProperty({ example: '/home/developer/shared-in/writer' }) mount_path!: string;
  @ApiProperty({ example: 'rw' }) access_mode!: string;
  @ApiProperty() currently_mounted!: boolean;
}

export class FoldersView {
  @ApiProperty({ example: 'hello' }) agent_name!: string;
  @ApiProperty() expose_enabled!: boolean;
  @ApiProperty() consume_enabled!: boolean;
  @ApiProperty({ type: 'string', nullable: true }) exposed_volume!: string | null;
  @ApiProperty({ example: '/home/developer/shared-out' }) exposed_path!: string;
  @ApiProperty({ type: [ConsumedFolderView] }) consumed_folders!: ConsumedFolderView[];
  @ApiProperty({ description: 'Its container has other folders than these: start it to apply them' })
  restart_required!: boolean;
  @ApiProperty({ example: 'running' }) status!: string;

  static of({ agent, instance, expose, consume, volume, consumed, restartRequired }: FolderStatus): FoldersView {
    return {
      agent_name: agent.slug,
      expose_enabled: expose,
      consume_enabled: consume,
      exposed_volume: volume,
      exposed_path: `${homePath}/shared-out`,
      consumed_folders: consumed.map(({ slug, path, mounted }) => ({
        source_agent: slug,
        mount_path: `${homePath}/${path}`,
        access_mode: 'rw',
        currently_mounted: mounted,
      })),
      restart_required: restartRequired,
      status: statusOf(instance?.state ?? null),
    };
  }
}

export class FoldersSetView {
  @ApiProperty({ example: 'updated' }) status!: string;
  @ApiProperty({ example: 'hello' }) agent_name!: string;
  @ApiProperty() expose_enabled!: boolean;
  @ApiProperty() consume_enabled!: boolean;
  @ApiProperty({ example: true }) restart_required!: boolean;
  @ApiProperty() message!: string;
}

export class AvailableFolderView {
  @ApiProperty({ example: 'writer' }) source_agent!: string;
  @ApiProperty() volume_name!: string;
  @ApiProperty({ example: '/home/developer/shared-in/writer' }) mount_path!: string;
  @ApiProperty({ example: 'running', description: '`not_found` while it has no container' }) source_status!: string;

  static of({ slug, volume, path, state, ref }: SourceFolder): AvailableFolderView {
    const status = ref === null ? 'not_found' : statusOf(state);
    return { source_agent: slug, volume_name: volume, mount_path: `${homePath}/${path}`, source_status: status };
  }
}

export class AvailableFoldersView {
  @ApiProperty({ example: 'hello' }) agent_name!: string;
  @ApiProperty({ type: [AvailableFolderView] }) available_folders!: AvailableFolderView[];
  @ApiProperty({ example: 1 }) count!: number;
}

export class FolderConsumerView {
  @ApiProperty({ example: 'reader' }) agent_name!: string;
  @ApiProperty({ example: '/home/developer/shared-in/hello' }) mount_path!: string;
  @ApiProperty({ example: 'running' }) status!: string;

  static of(source: string, { slug, state }: FolderConsumer): FolderConsumerView {
    return { agent_name: slug, mount_path: `${homePath}/shared-in/${source}`, status: statusOf(state) };
  }
}

export class FolderConsumersView {
  @ApiProperty({ example: 'hello' }) source_agent!: string;
  @ApiProperty({ type: [FolderConsumerView] }) consumers!: FolderConsumerView[];
  @ApiProperty({ example: 1 }) count!: number;
}
