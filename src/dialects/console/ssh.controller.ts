import { Controller, Delete, Get, Param } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { SshAccess } from '../../core/ssh/ssh-access.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { SshCredentialView, SshRevokedView } from './ssh.dto.js';

@ApiTags('SSH')
@ApiParam({ name: 'name', example: 'hello' })
@Controller('agents/:name/ssh-credentials')
export class ConsoleSshController {
  constructor(private readonly ssh: SshAccess) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Keys that open an agent over SSH now, newest first' })
  @ApiOkResponse({ type: [SshCredentialView] })
  @Refuses({ 403: 'Not its owner', 404: 'No such agent, or none of yours' })
  async list(@Who() who: Principal, @Param('name') name: string): Promise<SshCredentialView[]> {
    return (await this.ssh.list(who, name)).map((listed) => SshCredentialView.of(listed));
  }

  @Delete(':id')
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Revoke a key',
    description: 'Its connections, and every process they started, end within five seconds.',
  })
  @ApiOkResponse({ type: SshRevokedView })
  @Refuses({ 403: 'Not its owner', 404: 'No such agent or key, or none of yours' })
  async revoke(@Who() who: Principal, @Param('name') name: string, @Param('id') id: string): Promise<SshRevokedView> {
    await this.ssh.revoke(who, name, id);
    return { revoked: true };
  }
}
