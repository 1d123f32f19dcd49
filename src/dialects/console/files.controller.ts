import { Controller, Param, Put, Query, Req } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiOkResponse, ApiOperation, ApiParam, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../../core/access/principal.js';
import { AgentFileChanges } from '../../core/instances/agent-file-changes.service.js';
import { largestFile } from '../../core/instances/file.rules.js';
import { Requires, Who } from '../../platform/http/access.js';
import { bytesOf, StreamedBody } from '../../platform/http/bodies.js';
import { Refuses } from './answers.dto.js';
import { UploadedView, UploadQuery } from './files.dto.js';

@ApiTags('Files')
@ApiParam({ name: 'name', example: 'hello' })
@Controller('agents/:name/files')
export class ConsoleFilesController {
  constructor(private readonly changes: AgentFileChanges) {}

  @Put()
  @Requires('files:write')
  @StreamedBody()
  @ApiOperation({
    summary: 'Upload a file, whatever is in it',
    description:
      'Whole, and with the folders it needs. It goes through in pieces; one that breaks off leaves nothing behind.',
  })
  @ApiQuery({ name: 'path', required: true, example: 'notes/picture.png' })
  @ApiConsumes('application/octet-stream')
  @ApiBody({ schema: { type: 'string', format: 'binary' } })
  @ApiOkResponse({ type: UploadedView })
  @Refuses({
    400: 'No path or one that does not fit, or the agent is not running',
    403: 'A protected path, or one that leads out of the home',
    404: 'No such agent, or none of yours',
    413: 'Larger than 100 MB',
    415: 'Not sent as application/octet-stream',
  })
  upload(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() query: UploadQuery,
    @Req() request: FastifyRequest,
  ): Promise<UploadedView> {
    return this.changes.write(who, name, query.path, bytesOf(request, largestFile));
  }
}
