import { Controller, Post, UseGuards } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { AgentReach } from '../../core/instances/agent-reach.service.js';
import { AgentUploads } from '../../core/instances/agent-uploads.service.js';
import type { SessionLink } from '../../core/links/links.service.js';
import { Public } from '../../platform/http/access.js';
import { Form, type IncomingForm, TakesForm } from '../../platform/http/forms.js';
import { Gone } from '../../platform/http/streams.js';
import { Linked, SessionLinkGuard } from './link.guard.js';
import { aCapability, Refuses, StoredView } from './talk.dto.js';

/** Files that a visitor hands to the agent. They are not listed here: others may have handed it files too. */
@ApiTags('Session page')
@Controller('s/:capability')
@ApiParam(aCapability)
@UseGuards(SessionLinkGuard)
export class SessionFilesController {
  constructor(
    private readonly uploads: AgentUploads,
    private readonly reach: AgentReach,
  ) {}

  @Post('files')
  @Public()
  @TakesForm()
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
    description: 'Say in a message where it lies, and the agent looks at it. A file of the same name is replaced.',
  })
  @ApiOkResponse({ type: StoredView })
  @Refuses({
    400: 'No file, more than one, one that is too large or not allowed, no more room, or the agent is not running',
    502: 'The file could not be written into the agent',
  })
  async upload(
    @Linked() { who, agent }: SessionLink,
    @Form() form: IncomingForm,
    @Gone() gone: AbortSignal,
  ): Promise<StoredView> {
    await this.reach.require(agent);
    const { file } = await this.uploads.store(who, { id: agent.id }, await form.file('file', gone));
    return { name: file.name, path: `/workspace/uploads/${file.name}`, size: file.size };
  }
}
