import { Body, Controller, Delete, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiCreatedResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { type Permission, permissions, type Principal } from '../../core/access/principal.js';
import { ApiKeysService } from '../../core/accounts/api-keys.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { DeletedView, Refuses } from './answers.dto.js';
import { CreateTokenBody, NewTokenView, TokensView, TokenView } from './tokens.dto.js';

const dialect = 'hostedagents';
/** A token neither manages tokens nor administers the installation. */
const scopes: readonly Permission[] = permissions.filter((name) => name !== 'account' && name !== 'admin');

/** Tokens of the signed-in user (contract 1.1). They belong to the user's organisation and act for the user. */
@ApiTags('Tokens')
@Controller('api/v1/tokens')
export class HostedTokensController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @HttpCode(201)
  @Requires('account')
  @ApiOperation({
    summary: 'Make a token',
    description: 'Called with a sign-in of the dashboard. The answer is the only place where the token appears.',
  })
  @ApiCreatedResponse({ type: NewTokenView })
  @Refuses({ 400: 'The label is missing or too long', 403: 'Called with a token' })
  async create(@Who() who: Principal, @Body() { label }: CreateTokenBody): Promise<NewTokenView> {
    const { key, value } = await this.keys.create(who, { dialect, label, scopes });
    return { id: key.id, label: key.label, token: value.reveal(), createdAt: key.createdAt.toISOString() };
  }

  @Get()
  @Requires('account')
  @ApiOperation({ summary: 'Your tokens, newest first', description: 'Called with a sign-in of the dashboard.' })
  @ApiOkResponse({ type: TokensView })
  @Refuses({ 403: 'Called with a token' })
  async list(@Who() who: Principal): Promise<TokensView> {
    return { tokens: (await this.keys.list(who, dialect)).map((key) => TokenView.of(key)) };
  }

  @Delete(':tokenId')
  @Requires('account')
  @ApiOperation({ summary: 'Revoke a token', description: 'It is refused from the next request on.' })
  @ApiOkResponse({ type: DeletedView })
  @Refuses({ 403: 'Called with a token', 404: 'No such token of yours' })
  async remove(@Who() who: Principal, @Param('tokenId') id: string): Promise<DeletedView> {
    await this.keys.delete(who, dialect, id);
    return { deleted: true };
  }
}
