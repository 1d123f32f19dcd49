import { Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import type { Agent } from '../../core/agents/agent.entity.js';
import { AgentReach } from '../../core/instances/agent-reach.service.js';
import { AgentUploads } from '../../core/instances/agent-uploads.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Form, type IncomingForm, TakesForm } from '../../platform/http/forms.js';
import { Gone } from '../../platform/http/streams.js';
import { DeletedView, Refuses } from './answers.dto.js';
import { ForAgent, TheAgent } from './by-id.js';
import { FilesView, UploadedView } from './files.dto.js';

const refusals = { 400: 'The agent is not running', 404: 'No such agent', 502: 'The agent does not respond' };

@ApiTags('Files')
@Controller('api/v1/agents/:agentId/files')
export class HostedFilesController {
  constructor(
    private readonly uploads: AgentUploads,
    private readonly reach: AgentReach,
  ) {}

  @Post()
  @HttpCode(200)
  @TakesForm()
  @ForAgent('operate')
  @Requires('files:write')
  @ApiConsumes('multipart/form-data')
  @ApiBody({
    schema: {
      type: 'object',
      required: ['file'],
      properties: { file: { type: 'string', format: 'binary', example: 'spec.pdf' } },
    },
  })
  @ApiOperation({
    summary: 'Hand a file to the agent',
    description:
      'It lies in `/workspace/uploads/` and may be spoken of in messages. At most 50 MiB a file and 100 MiB an agent; a file of ' +
      'the same name is replaced. Programs and installers are refused.',
  })
  @ApiOkResponse({ type: UploadedView })
  @Refuses({
    ...refusals,
    400: 'No file, more than one, one that is too large or not allowed, no more room, or the agent is not running',
    502: 'The file could not be written into the agent',
  })
  async upload(
    @Who() who: Principal,
    @TheAgent() agent: Agent,
    @Form() form: IncomingForm,
    @Gone() gone: AbortSignal,
  ): Promise<UploadedView> {
    await this.reach.require(agent);
    const given = await form.file('file', gone);
    const { file, totalBytes } = await this.uploads.store(who, { id: agent.id }, given);
    return UploadedView.of(file, given.type, totalBytes);
  }

  @Get()
  @ForAgent('view')
  @Requires('files:read')
  @ApiOperation({ summary: 'Files handed to the agent, by name' })
  @ApiOkResponse({ type: FilesView })
  @Refuses(refusals)
  async list(@Who() who: Principal, @TheAgent() agent: Agent): Promise<FilesView> {
    await this.reach.require(agent);
    return FilesView.of(await this.uploads.list(who, { id: agent.id }));
  }

  @Delete(':name')
  @ForAgent('operate')
  @Requires('files:write')
  @ApiParam({ name: 'name', example: 'spec.pdf' })
  @ApiOperation({ summary: 'Delete an uploaded file' })
  @ApiOkResponse({ type: DeletedView })
  @Refuses({ ...refusals, 404: 'No such agent or file' })
  async remove(@Who() who: Principal, @TheAgent() agent: Agent, @Param('name') name: string): Promise<DeletedView> {
    await this.reach.require(agent);
    await this.uploads.remove(who, { id: agent.id }, name);
    return { deleted: true };
  }
}
