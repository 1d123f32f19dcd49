import { Body, Controller, Delete, Get, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { Sharing } from '../../core/sharing/sharing.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { MessageView } from './agents.dto.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { ShareBody, ShareView } from './sharing.dto.js';

const owner = { 401: 'Not authenticated', 403: 'Not its owner', 404: 'No such agent' };

@ApiTags('Sharing')
@Controller('api/agents')
export class TrinitySharingController {
  constructor(private readonly sharing: Sharing) {}

  @Post(':name/share')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Share an agent with an e-mail address',
    description:
      'Whoever signs in with that address may see, start, stop and talk to the agent, read its files, logs and settings; they cannot change, share or delete it.',
  })
  @ApiOkResponse({ type: ShareView })
  @Refuses({ ...owner, 400: "Not an address, or your own or the owner's", 409: 'Shared already', 422: 'Missing' })
  async share(@Who() who: Principal, @Param('name') name: string, @Body() body: ShareBody): Promise<ShareView> {
    return ShareView.of(name, await this.sharing.share(who, name, body.email));
  }

  @Delete(':name/share/:email')
  @ByName()
  @ApiParam({ name: 'email', example: 'ada@example.com' })
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Take a share back',
    description: 'Acts on the next request and within a second on what is open.',
  })
  @ApiOkResponse({ type: MessageView })
  @Refuses({ ...owner, 404: 'No such agent, or not shared with that address' })
  async unshare(
    @Who() who: Principal,
    @Param('name') name: string,
    @Param('email') email: string,
  ): Promise<MessageView> {
    await this.sharing.unshare(who, name, email);
    return { message: `Sharing removed for ${email}` };
  }

  @Get(':name/shares')
  @ByName()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Whom an agent is shared with, newest first' })
  @ApiOkResponse({ type: [ShareView] })
  @Refuses(owner)
  async list(@Who() who: Principal, @Param('name') name: string): Promise<ShareView[]> {
    return (await this.sharing.list(who, name)).map((share) => ShareView.of(name, share));
  }
}
