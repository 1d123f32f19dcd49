import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiBody, ApiOkResponse, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../core/access/principal.js';
import { DomainError, Invalid, Unavailable, WrongState } from '../../core/errors/domain-error.js';
import { AgentCredentials } from '../../core/instances/agent-credentials.service.js';
import type { InstanceState } from '../../core/instances/instance.lifecycle.js';
import { Requires, Who } from '../../platform/http/access.js';
import { Refuses } from './answers.dto.js';
import { ByName } from './by-name.js';
import {
  CredentialsStatusView,
  EncryptionKeyView,
  ExportedView,
  ImportBody,
  ImportedView,
  InjectBody,
  InjectedView,
} from './credentials.dto.js';
import { statusOf } from './words.js';

const owner = {
  401: 'Not authenticated',
  403: "Not its owner, or an agent's own key",
  404: 'No such agent',
  503: 'The running agent cannot be reached',
};

@ApiTags('Credentials')
@ByName()
@Controller('api/agents/:name/credentials')
export class TrinityCredentialsController {
  constructor(private readonly credentials: AgentCredentials) {}

  @Get('status')
  @Requires('agents:read')
  @ApiOperation({ summary: 'Which credential files an agent has', description: 'Sizes and times, never contents.' })
  @ApiOkResponse({ type: CredentialsStatusView })
  @Refuses({ ...owner, 403: 'No access to this agent' })
  async status(@Who() who: Principal, @Param('name') name: string): Promise<CredentialsStatusView> {
    return CredentialsStatusView.of(name, await this.credentials.status(who, name));
  }

  @Post('inject')
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Write credential files into the home of a running agent',
    description:
      'Whole files, mode 0600, all of them or none. The runtime and its shells see a new `.env` from the next start of the runtime on.',
  })
  @ApiBody({
    type: InjectBody,
    examples: { env: { value: { files: { '.env': 'GITHUB_TOKEN=example\n' } } } },
  })
  @ApiOkResponse({ type: InjectedView })
  @Refuses({ ...owner, 400: 'A path or content that is not allowed, or not running', 422: 'No maps of strings' })
  async inject(@Who() who: Principal, @Param('name') name: string, @Body() body: InjectBody): Promise<InjectedView> {
    const given = { files: mapOf(body.files), binary: mapOf(body.files_b64) };
    const written = await worded(this.credentials.inject(who, name, given));
    return { status: 'success', files_written: [...written], message: `${amount(written)} written to ${name}` };
  }

  @Post('export')
  @Requires('agents:write')
  @ApiOperation({
    summary: 'Seal the credential files of a running agent into `.credentials.enc` in its home',
    description: 'The bundle is unpacked again whenever the agent is started.',
  })
  @ApiQuery({ name: 'download', required: false, example: 'true', description: 'true: the answer holds the bundle' })
  @ApiOkResponse({ type: ExportedView })
  @Refuses({ ...owner, 400: 'Nothing to export, bundles are switched off, or not running' })
  async export(
    @Who() who: Principal,
    @Param('name') name: string,
    @Query('download') download?: unknown,
  ): Promise<ExportedView> {
    const { bundle, paths } = await worded(this.credentials.export(who, name));
    return ExportedView.of(paths.length, ['true', '1'].includes(String(download)) ? bundle : null);
  }

  @Post('import')
  @Requires('agents:write')
  @ApiOperation({ summary: 'Unpack a bundle into the home of a running agent' })
  @ApiBody({ type: ImportBody, required: false, examples: { file: { value: {} } } })
  @ApiOkResponse({ type: ImportedView })
  @Refuses({ ...owner, 400: 'No bundle, a wrong key, a damaged bundle, or not running', 422: 'No object or text' })
  async import(@Who() who: Principal, @Param('name') name: string, @Body() body?: ImportBody): Promise<ImportedView> {
    const imported = await worded(this.credentials.import(who, name, body?.bundle));
    return { status: 'success', files_imported: [...imported], message: `${amount(imported)} imported into ${name}` };
  }
}

@ApiTags('Credentials')
@Controller('api/credentials')
export class TrinityEncryptionKeyController {
  constructor(private readonly credentials: AgentCredentials) {}

  @Get('encryption-key')
  @Requires('admin')
  @ApiOperation({ summary: 'The key of all credential bundles', description: 'To read them elsewhere. It is audited.' })
  @ApiOkResponse({ type: EncryptionKeyView })
  @Refuses({ 401: 'Not authenticated', 403: 'For administrators only', 503: 'Bundles are switched off' })
  async key(@Who() who: Principal): Promise<EncryptionKeyView> {
    const key = await this.credentials.revealKey(who).catch(asUnavailable);
    return {
      key: key.reveal(),
      algorithm: 'AES-256-GCM',
      key_format: '32 bytes as 64 hex digits',
      note: 'Set it as CREDENTIAL_ENCRYPTION_KEY where these bundles are to be read.',
    };
  }
}

const mapOf = (files: Record<string, string> | null | undefined): ReadonlyMap<string, string> =>
  new Map(Object.entries(files ?? {}));

const amount = (files: readonly string[]): string => (files.length === 1 ? '1 file' : `${files.length} files`);

/** The sentence this API has for an agent that does not run. */
async function worded<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof WrongState)) throw error;
    const status = statusOf(error.details?.['state'] as InstanceState);
    throw new Invalid(`Agent is not running (status: ${status}). Start the agent first.`, [], 'agent_not_running');
  }
}

function asUnavailable(error: unknown): never {
  if (error instanceof DomainError && error.code === 'encryption_not_configured') {
    throw new Unavailable(error.message, error.code);
  }
  throw error;
}
