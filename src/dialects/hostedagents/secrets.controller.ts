import { Body, Controller, Delete, Get, Param, Put } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import type { SeenGroup } from '../../core/groups/groups.service.js';
import { Secrets } from '../../core/groups/secrets.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { DeletedView, Refuses } from './answers.dto.js';
import { ForScope, TheScope } from './scope-by-id.js';
import { PutSecretsBody, SecretsSetView, SecretsView, SecretView, valuesIn } from './secrets.dto.js';

const bad = 'A key or value is missing, of the wrong form or too long, or a key is reserved';
const asked = {
  type: PutSecretsBody,
  examples: {
    one: { value: { key: 'DATABASE_URL', value: 'postgres://db.example.com/shop' } },
    several: { value: { secrets: { DATABASE_URL: 'postgres://db.example.com/shop', PAYMENT_KEY: 'pk-example-0815' } } },
  },
};
const later = 'A container that runs keeps what it has: changes reach it when it is started the next time.';

/** Secrets: variables of an agent's processes (contract section 7). A value that was set is never shown again. */
@ApiTags('Secrets')
@Controller('api/v1')
export class HostedSecretsController {
  constructor(private readonly secrets: Secrets) {}

  @Get('secrets')
  @Requires('agents:read')
  @ApiOperation({
    summary: 'Keys of the secrets of your organisation',
    description: 'Agents without a scope get them.',
  })
  @ApiOkResponse({ type: SecretsView })
  @Refuses()
  list(@Who() who: Principal): Promise<SecretsView> {
    return this.listed(who, null);
  }

  @Put('secrets')
  @Requires('agents:write')
  @ApiBody(asked)
  @ApiOperation({ summary: 'Set secrets of your organisation', description: later })
  @ApiOkResponse({ type: SecretsSetView })
  @Refuses({ 400: bad })
  put(@Who() who: Principal, @Body() body: PutSecretsBody): Promise<SecretsSetView> {
    return this.set(who, null, body);
  }

  @Delete('secrets/:key')
  @Requires('agents:write')
  @ApiParam({ name: 'key', example: 'DATABASE_URL' })
  @ApiOperation({ summary: 'Delete a secret of your organisation', description: later })
  @ApiOkResponse({ type: DeletedView })
  @Refuses({ 404: 'No such secret' })
  remove(@Who() who: Principal, @Param('key') key: string): Promise<DeletedView> {
    return this.removed(who, null, key);
  }

  @Get('scopes/:scopeId/secrets')
  @ForScope()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Keys of the secrets of a scope', description: 'Only agents of the scope get them.' })
  @ApiOkResponse({ type: SecretsView })
  @Refuses({ 404: 'No such scope' })
  listOfScope(@Who() who: Principal, @TheScope() { id }: SeenGroup): Promise<SecretsView> {
    return this.listed(who, id);
  }

  @Put('scopes/:scopeId/secrets')
  @ForScope()
  @Requires('agents:write')
  @ApiBody(asked)
  @ApiOperation({ summary: 'Set secrets of a scope', description: later })
  @ApiOkResponse({ type: SecretsSetView })
  @Refuses({ 400: bad, 404: 'No such scope' })
  putOfScope(
    @Who() who: Principal,
    @TheScope() { id }: SeenGroup,
    @Body() body: PutSecretsBody,
  ): Promise<SecretsSetView> {
    return this.set(who, id, body);
  }

  @Delete('scopes/:scopeId/secrets/:key')
  @ForScope()
  @Requires('agents:write')
  @ApiParam({ name: 'key', example: 'DATABASE_URL' })
  @ApiOperation({ summary: 'Delete a secret of a scope', description: later })
  @ApiOkResponse({ type: DeletedView })
  @Refuses({ 404: 'No such scope or secret' })
  removeOfScope(@Who() who: Principal, @TheScope() { id }: SeenGroup, @Param('key') key: string): Promise<DeletedView> {
    return this.removed(who, id, key);
  }

  private async listed(who: Principal, groupId: string | null): Promise<SecretsView> {
    return { secrets: (await this.secrets.list(who, groupId)).map((secret) => SecretView.of(secret)) };
  }

  private async set(who: Principal, groupId: string | null, body: PutSecretsBody): Promise<SecretsSetView> {
    return { updated: true, keys: await this.secrets.put(who, groupId, valuesIn(body)) };
  }

  private async removed(who: Principal, groupId: string | null, key: string): Promise<DeletedView> {
    await this.secrets.remove(who, groupId, key);
    return { deleted: true };
  }
}
