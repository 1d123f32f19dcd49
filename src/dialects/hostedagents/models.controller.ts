import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProperty, ApiTags } from '@nestjs/swagger';
import { Requires } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ModelList } from './model-list.js';

export class ModelView {
  @ApiProperty({ example: 'anthropic/claude-sonnet-4-6' }) id!: string;
  @ApiProperty({ example: 'claude-sonnet-4-6' }) name!: string;
  @ApiProperty({ example: false, description: 'What an agent gets that names none' }) default!: boolean;
}

export class ModelsView {
  @ApiProperty({ type: [ModelView] }) models!: ModelView[];
}

@ApiTags('Models')
@Controller('api/v1/models')
export class HostedModelsController {
  constructor(private readonly models: ModelList) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({
    summary: 'Models to choose from',
    description: 'Set by the server; the default is one that works here.',
  })
  @ApiOkResponse({ type: ModelsView })
  @Refuses()
  list(): ModelsView {
    const models = this.models.ids.map((id) => ({
      id,
      name: id.slice(id.indexOf('/') + 1),
      default: id === this.models.standard,
    }));
    return { models };
  }
}
