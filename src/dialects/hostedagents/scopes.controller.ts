import { Body, Controller, Delete, Get, HttpCode, Patch, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { Groups, type SeenGroup } from '../../core/groups/groups.service.js';
import { Secrets } from '../../core/groups/secrets.service.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ForScope, TheScope } from './scope-by-id.js';
import { ScopeAgentView, ScopeBody, ScopeDeletedView, ScopeDetailView, ScopesView, ScopeView } from './scopes.dto.js';

const badName = 'The name is missing, longer than 50 characters, or holds control characters';

/** Scopes: agents that share secrets (contract section 6). */
@ApiTags('Scopes')
@Controller('api/v1/scopes')
export class HostedScopesController {
  constructor(
    private readonly groups: Groups,
    private readonly secrets: Secrets,
  ) {}

  @Get()
  @Requires('agents:read')
  @ApiOperation({ summary: 'Scopes of your organisation, by name' })
  @ApiOkResponse({ type: ScopesView })
  @Refuses()
  async list(@Who() who: Principal): Promise<ScopesView> {
    return { scopes: (await this.groups.list(who)).map((group) => ScopeView.of(group)) };
  }

  @Post()
  @HttpCode(200)
  @Requires('agents:write')
  @ApiOperation({ summary: 'Make a scope' })
  @ApiOkResponse({ type: ScopeView })
  @Refuses({ 400: badName, 409: 'There is one with this name' })
  async create(@Who() who: Principal, @Body() { name }: ScopeBody): Promise<ScopeView> {
    return ScopeView.of(await this.groups.create(who, name));
  }

  @Get(':scopeId')
  @ForScope()
  @Requires('agents:read')
  @ApiOperation({ summary: 'One scope with its agents and the keys of its secrets' })
  @ApiOkResponse({ type: ScopeDetailView })
  @Refuses({ 404: 'No such scope' })
  async get(@Who() who: Principal, @TheScope() scope: SeenGroup): Promise<ScopeDetailView> {
    const members = await this.groups.members(who, scope.id);
    const secrets = await this.secrets.list(who, scope.id);
    return Object.assign(ScopeView.of(scope), {
      agents: members.map((member) => ScopeAgentView.of(member)),
      secrets: secrets.map(({ name }) => ({ key: name })),
    });
  }

  @Patch(':scopeId')
  @ForScope()
  @Requires('agents:write')
  @ApiOperation({ summary: 'Rename a scope' })
  @ApiOkResponse({ type: ScopeView })
  @Refuses({ 400: badName, 404: 'No such scope', 409: 'There is another one with this name' })
  async rename(@Who() who: Principal, @TheScope() { id }: SeenGroup, @Body() { name }: ScopeBody): Promise<ScopeView> {
    return ScopeView.of(await this.groups.rename(who, id, name));
  }

  @Delete(':scopeId')
  @ForScope()
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Delete a scope',
    description:
      'Its agents and secrets go to the organisation. A secret the organisation has already stays as it is, and the one of the scope is dropped. Containers that run are not touched.',
  })
  @ApiOkResponse({ type: ScopeDeletedView })
  @Refuses({ 400: 'The secrets of both together would be more than 1 MiB', 404: 'No such scope' })
  async remove(@Who() who: Principal, @TheScope() { id }: SeenGroup): Promise<ScopeDeletedView> {
    const { dropped } = await this.groups.remove(who, id);
    return { deleted: true, ...(dropped.length === 0 ? {} : { droppedSecrets: [...dropped] }) };
  }
}
