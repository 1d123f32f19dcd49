import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../core/access/access.service.js';
import type { Principal } from '../../core/access/principal.js';
import { AgentModels } from '../../core/runtimes/agent-models.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { ModelBody, ModelSetView, ModelView } from './tasks.dto.js';

const access = { 401: 'Not authenticated', 403: 'No access to this agent', 404: 'No such agent' };

@ApiTags('Chat')
@ByName()
@Controller('api/agents/:name/model')
export class TrinityModelController {
  constructor(
    private readonly access: Access,
    private readonly models: AgentModels,
  ) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({ summary: 'The model an agent uses' })
  @ApiOkResponse({ type: ModelView })
  @Refuses(access)
  async get(@Who() who: Principal, @Param('name') name: string): Promise<ModelView> {
    return ModelView.of(this.models.of(await this.access.agent(who, { slug: name }, 'view')));
  }

  @Put()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Choose the model an agent uses',
    description: 'From the next message on. The runtime is restarted for it and goes on in the same conversations.',
  })
  @ApiBody({ type: ModelBody, examples: { sonnet: { value: { model: 'sonnet' } } } })
  @ApiOkResponse({ type: ModelSetView })
  @Refuses({ ...access, 400: 'No model can be called so, or the agent is not running', 422: 'The model is missing' })
  async set(@Who() who: Principal, @Param('name') name: string, @Body() body: ModelBody): Promise<ModelSetView> {
    const { model } = await this.models.set(who, name, body.model.trim());
    return { status: 'success', model: model ?? '', note: 'It is used from the next message on' };
  }
}
