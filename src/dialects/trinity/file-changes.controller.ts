import { Body, Controller, Delete, Get, Param, Post, Put, Query, Res, type StreamableFile } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import type { Principal } from '../../core/access/principal.js';
import { AgentFileChanges } from '../../core/instances/agent-file-changes.service.js';
import { AgentFiles } from '../../core/instances/agent-files.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { sent } from './file-answers.js';
import { DownloadQuery } from './files.dto.js';
import { FileBody, FileRemovedView, FileWrittenView, FolderBody, FolderMadeView } from './file-changes.dto.js';
import { mimeOf } from '../shared/mime.js';

const access = { 401: 'Not authenticated', 404: 'No such agent' };
const changes = {
  ...access,
  400: 'The path does not fit, or the agent is not running',
  403: 'No access, a protected path, or one that leads out of the home',
};
const file = { name: 'path', required: true, example: 'notes/hello.txt' };

/**
 * What an agent wrote is shown as what it is, but nothing in it acts: no script, no form, no plug-in, no request, and an
 * origin of its own.
 */
const inert = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:; font-src data:";

@ApiTags('Information and files')
@ByName()
@Controller('api/agents/:name/files')
export class TrinityFileChangesController {
  constructor(
    private readonly files: AgentFiles,
    private readonly changes: AgentFileChanges,
  ) {}

  @Get('preview')
  @Requires('files:read')
  @ApiOperation({ summary: 'One file as what it is, to be shown', description: 'Scripts in it do not run.' })
  @ApiQuery(file)
  @ApiProduces('text/plain', 'text/html', 'image/png', 'application/octet-stream')
  @ApiOkResponse({ schema: { type: 'string' } })
  @Refuses({ ...changes, 413: 'Larger than 100 MB', 422: 'path is missing' })
  async preview(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() query: DownloadQuery,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamableFile> {
    const found = await this.files.download(who, name, query.path);
    reply.header('Content-Security-Policy', inert);
    reply.header('Cross-Origin-Resource-Policy', 'same-origin');
    return sent(found, 'inline', mimeOf(found.name, found.start));
  }

  @Put()
  @Requires('files:write')
  @ApiOperation({ summary: 'Write a text file', description: 'Whole, and with the folders it needs.' })
  @ApiQuery(file)
  @ApiOkResponse({ type: FileWrittenView })
  @Refuses({ ...changes, 413: 'Larger than 25 MiB', 422: 'path or content is missing' })
  async write(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() query: DownloadQuery,
    @Body() body: FileBody,
  ): Promise<FileWrittenView> {
    return { success: true, ...(await this.changes.write(who, name, query.path, body.content)) };
  }

  @Post('mkdir')
  @Requires('files:write')
  @ApiOperation({ summary: 'Make a folder', description: 'One that is there already is success.' })
  @ApiOkResponse({ type: FolderMadeView })
  @Refuses({ ...changes, 422: 'path is missing' })
  async mkdir(@Who() who: Principal, @Param('name') name: string, @Body() body: FolderBody): Promise<FolderMadeView> {
    return { success: true, ...(await this.changes.mkdir(who, name, body.path)) };
  }

  @Delete()
  @Requires('files:write')
  @ApiOperation({ summary: 'Delete a file, or a folder with everything in it' })
  @ApiQuery(file)
  @ApiOkResponse({ type: FileRemovedView })
  @Refuses({ ...changes, 404: 'No such agent or file', 422: 'path is missing' })
  async remove(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query() query: DownloadQuery,
  ): Promise<FileRemovedView> {
    const { path, type, fileCount } = await this.changes.remove(who, name, query.path);
    return { success: true, deleted: path, type, file_count: fileCount };
  }
}
