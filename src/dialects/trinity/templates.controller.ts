import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Templates } from '../../core/library/templates.service.js';
import { Requires } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { EnvTemplateQuery, EnvTemplateView, TemplateView } from './templates.dto.js';

const errors = {
  400: 'Its template.yaml is not valid',
  401: 'Not authenticated',
  404: 'No such template',
  500: 'The git host does not answer',
  504: 'The git host did not deliver in time',
};

@ApiTags('Templates')
@Controller('api/templates')
@Requires('agents:read')
export class TrinityTemplatesController {
  constructor(private readonly templates: Templates) {}

  @Get()
  @ApiOperation({ summary: 'Templates of this installation' })
  @ApiOkResponse({ type: [TemplateView] })
  @Refuses({ 401: 'Not authenticated' })
  async list(): Promise<TemplateView[]> {
    return (await this.templates.list()).map((template) => TemplateView.of(template));
  }

  @Get('env-template')
  @ApiOperation({ summary: 'An .env to fill in, with the credentials a template asks for' })
  @ApiQuery({ name: 'template_id', required: true, example: 'local:default' })
  @ApiOkResponse({ type: EnvTemplateView })
  @Refuses({ ...errors, 422: 'template_id is missing' })
  async envTemplate(@Query() query: EnvTemplateQuery): Promise<EnvTemplateView> {
    return EnvTemplateView.of(await this.templates.get(query.template_id));
  }

  @Get(':id')
  @ApiParam({ name: 'id', example: 'local:default' })
  @ApiOperation({ summary: 'One template' })
  @ApiOkResponse({ type: TemplateView })
  @Refuses(errors)
  async get(@Param('id') id: string): Promise<TemplateView> {
    return TemplateView.of(await this.templates.get(id));
  }

  @Get(':owner/:repository')
  @ApiParam({ name: 'owner', example: 'github:Org' })
  @ApiParam({ name: 'repository', example: 'repo' })
  @ApiOperation({ summary: 'One template in a repository', description: 'Read from the git host.' })
  @ApiOkResponse({ type: TemplateView })
  @Refuses(errors)
  async getRepository(@Param('owner') owner: string, @Param('repository') name: string): Promise<TemplateView> {
    return TemplateView.of(await this.templates.get(`${owner}/${name}`));
  }
}
