import type { IncomingHttpHeaders } from 'node:http';
import { Body, Controller, Delete, Get, Header, Headers, Param, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Access } from '../../core/access/access.service.js';
import type { Principal } from '../../core/access/principal.js';
import type { ApiKey } from '../../core/accounts/api-key.entity.js';
import { ApiKeysService, type IssuedKey } from '../../core/accounts/api-keys.service.js';
import { Unauthenticated } from '../../core/errors/domain-error.js';
import { Public, Requires, Who } from '../../platform/http/access.js';
import { bearerOf } from '../shared/credentials.js';
import { Refuses } from './answers.dto.js';
import { CreateKeyBody, KeyMessageView, KeyValidView, KeyView, NewKeyView } from './keys.dto.js';

@ApiTags('API keys')
@Controller('api/mcp')
export class TrinityKeysController {
  constructor(
    private readonly keys: ApiKeysService,
    private readonly access: Access,
  ) {}

  @Post('keys')
  @Requires('account')
  @ApiOperation({
    summary: 'Make an API key',
    description: 'It acts for you. The answer is the only place where the key itself appears.',
  })
  @ApiOkResponse({ type: NewKeyView })
  @Refuses({ 401: 'Not authenticated', 422: 'The name is missing or too long' })
  async create(@Who() who: Principal, @Body() body: CreateKeyBody): Promise<NewKeyView> {
    const { name, description } = body;
    return newKeyView(who, await this.keys.create(who, { dialect: 'trinity', label: name, description }));
  }

  @Get('keys')
  @Requires('account')
  @ApiOperation({ summary: 'Your API keys, newest first' })
  @ApiOkResponse({ type: [KeyView] })
  @Refuses({ 401: 'Not authenticated' })
  async list(@Who() who: Principal): Promise<KeyView[]> {
    return this.views(who, await this.keys.list(who, 'trinity'));
  }

  @Post('keys/ensure-default')
  @Requires('account')
  @Header('content-type', 'application/json; charset=utf-8')
  @ApiOperation({ summary: 'Make a first API key', description: 'The key, or `null` if you have one that works.' })
  @ApiOkResponse({ type: NewKeyView })
  @Refuses({ 401: 'Not authenticated' })
  async ensureDefault(@Who() who: Principal): Promise<string> {
    const issued = await this.keys.ensureDefault(who, 'trinity');
    // As text: the framework sends nothing at all for a bare null.
    return JSON.stringify(issued && newKeyView(who, issued));
  }

  @Get('keys/:id')
  @Requires('account')
  @ApiOperation({ summary: 'One of your API keys' })
  @ApiOkResponse({ type: KeyView })
  @Refuses({ 401: 'Not authenticated', 404: 'No such key of yours' })
  async get(@Who() who: Principal, @Param('id') id: string): Promise<KeyView | undefined> {
    const [view] = await this.views(who, [await this.keys.get(who, 'trinity', id)]);
    return view;
  }

  @Post('keys/:id/revoke')
  @Requires('account')
  @ApiOperation({
    summary: 'Revoke an API key',
    description: 'It is refused from the next request on, and stays listed.',
  })
  @ApiOkResponse({ type: KeyMessageView })
  @Refuses({ 401: 'Not authenticated', 404: 'No such key of yours' })
  async revoke(@Who() who: Principal, @Param('id') id: string): Promise<KeyMessageView> {
    const { label } = await this.keys.revoke(who, 'trinity', id);
    return { message: `API key '${label}' revoked` };
  }

  @Delete('keys/:id')
  @Requires('account')
  @ApiOperation({ summary: 'Delete an API key' })
  @ApiOkResponse({ type: KeyMessageView })
  @Refuses({ 401: 'Not authenticated', 404: 'No such key of yours' })
  async delete(@Who() who: Principal, @Param('id') id: string): Promise<KeyMessageView> {
    await this.keys.delete(who, 'trinity', id);
    return { message: 'API key deleted' };
  }

  @Post('validate')
  @Public()
  @ApiOperation({ summary: 'Whose key this is', description: 'The key is sent as bearer token.' })
  @ApiOkResponse({ type: KeyValidView })
  @Refuses({ 401: 'Missing, unknown or revoked' })
  async validate(@Headers() headers: IncomingHttpHeaders): Promise<KeyValidView> {
    const sent = bearerOf(headers);
    const found = sent && (await this.keys.inspect(sent.value, 'trinity'));
    if (!found) throw new Unauthenticated('Invalid or inactive API key', 'invalid_key');
    const [view] = await this.views(found.user, [found.key]);
    return {
      valid: true,
      user_id: found.user.username,
      user_email: found.user.email,
      key_name: found.key.label,
      agent_name: view?.agent_name ?? null,
      scope: found.key.agentId === null ? 'user' : 'agent',
    };
  }

  private async views(
    { username, email }: Pick<Principal, 'username' | 'email'>,
    keys: readonly ApiKey[],
  ): Promise<KeyView[]> {
    const slugs = await this.access.slugs(keys.flatMap((key) => key.agentId ?? []));
    return keys.map((key) => KeyView.of(key, { username, email, agentName: slugs.get(key.agentId ?? '') ?? null }));
  }
}

function newKeyView({ username, email }: Principal, { key, value }: IssuedKey): NewKeyView {
  return Object.assign(KeyView.of(key, { username, email, agentName: null }), { api_key: value.reveal() });
}
