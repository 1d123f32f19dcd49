import { Body, Controller, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Config } from '../../config/config.js';
import { Access } from '../../core/access/access.service.js';
import { isAdmin, type Principal } from '../../core/access/principal.js';
import { Forbidden, Invalid } from '../../core/errors/domain-error.js';
import { SshAccess } from '../../core/ssh/ssh-access.service.js';
import { SshEndpoint } from '../../core/ssh/ssh-endpoint.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import { TrinitySettings } from './settings.store.js';
import { SshAccessBody, SshAccessView } from './ssh.dto.js';

const defaultHours = 4;

@ApiTags('SSH')
@Controller('api/agents')
export class TrinitySshController {
  constructor(
    private readonly ssh: SshAccess,
    private readonly endpoint: SshEndpoint,
    private readonly access: Access,
    private readonly settings: TrinitySettings,
    private readonly config: Config,
  ) {}

  @Post(':name/ssh-access')
  @ByName()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Let a key into an agent for a while',
    description: 'The key is good at the SSH gateway, for this agent only. Nothing is written into the container.',
  })
  @ApiBody({
    type: SshAccessBody,
    examples: {
      own: {
        value: {
          public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB7v9bMB0qhVQWcvqHh4b1T5uSV4aKrgTrEyG2zYcmqX you@laptop',
          ttl_hours: 4,
        },
      },
      generated: { value: { generate_key: true } },
    },
  })
  @ApiOkResponse({ type: SshAccessView })
  @Refuses({
    400: 'No usable public key, another auth_method, or the agent does not run',
    401: 'Not authenticated',
    403: 'Not its owner, or SSH access is disabled',
    404: 'No such agent',
    422: 'A field of the wrong type',
    429: 'The agent has too many keys',
    503: 'This server has no SSH gateway',
  })
  async grant(@Who() who: Principal, @Param('name') name: string, @Body() body: SshAccessBody): Promise<SshAccessView> {
    await this.access.agent(who, { slug: name }, 'own');
    await this.requireEnabled(who);
    const publicKey = keyOf(body);
    this.endpoint.require();
    const granted = await this.ssh.grant(who, name, { publicKey, hours: body.ttl_hours ?? defaultHours });
    return SshAccessView.of(granted, this.endpoint);
  }

  private async requireEnabled(who: Principal): Promise<void> {
    if (this.config.trinity.sshAdminOnly && !isAdmin(who)) throw new Forbidden('Admin access required', 'admin_only');
    if (!(await this.settings.sshAccess())) {
      throw new Forbidden(
        'SSH access is disabled: an administrator can set ssh_access_enabled to true',
        'ssh_disabled',
      );
    }
  }
}

/** The key that was sent; null to make one. */
function keyOf(body: SshAccessBody): string | null {
  if ((body.auth_method ?? 'key') !== 'key') {
    throw new Invalid(
      'This auth_method is no longer supported: leave it out and send your public_key',
      [],
      'only_keys',
    );
  }
  const key = body.public_key?.trim() ?? '';
  if (body.generate_key === true) {
    if (key === '') return null;
    throw new Invalid('Send either public_key or generate_key, not both', [], 'two_keys');
  }
  if (key === '') throw new Invalid('public_key is required, or generate_key: true', [], 'public_key_missing');
  return key;
}
