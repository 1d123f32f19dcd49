import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Body, Controller, Delete, Get, Header, HttpCode, Module, Param, Post, Query } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsOptional, IsString, Length } from 'class-validator';
import type { Principal } from '../../src/core/access/principal.js';
import { EngineError } from '../../src/core/instances/engine.errors.js';
import { Public, Requires, Who } from '../../src/platform/http/access.js';
import { Gone } from '../../src/platform/http/streams.js';
import { listenWith, sampleDialect } from './http-app.js';

class MakeBody {
  @ApiProperty() @IsString() @Length(1, 5) name: string;
  @ApiProperty() @IsOptional() @IsInt() size?: number;
}
class OptionalBody {
  @ApiProperty() @IsOptional() @IsString() note?: string;
}

/** Streams that ended as they should. */
export const left: string[] = [];

@Controller('alpha')
class AlphaController {
  @Get('things/:id')
  @Requires('agents:read')
  one(@Param('id') id: string, @Who() who: Principal) {
    return { id, who: who.username };
  }

  @Post('things')
  @Requires('agents:write')
  make(@Body() body: MakeBody) {
    return body;
  }

  @Post('notes')
  @Public()
  note(@Body() body: OptionalBody) {
    return { ...body };
  }

  @Post('accepted')
  @Public()
  @HttpCode(202)
  accepted() {
    return { ok: true };
  }

  @Delete('things/:id')
  @Requires('agents:write')
  remove(@Param('id') id: string) {
    return { id };
  }

  @Get('search')
  @Public()
  search(@Query() query: OptionalBody) {
    return { ...query };
  }

  @Get('forgotten')
  forgotten() {
    return 'nobody declared who may call this';
  }

  @Get('engine')
  @Public()
  engine() {
    throw new EngineError('unreachable', 'connect ENOENT /var/run/docker.sock');
  }

  @Get('bug')
  @Public()
  bug() {
    throw new Error('a private detail');
  }

  @Get('stream')
  @Public()
  @Header('content-type', 'text/event-stream')
  async *stream(@Gone() gone: AbortSignal) {
    yield ': open\n\n';
    await new Promise((resolve) => gone.addEventListener('abort', resolve, { once: true }));
    left.push('stream');
  }
}
@Module({ controllers: [AlphaController] })
export class AlphaModule {}

@Controller()
class BetaController {
  @Get('alpha/things/:id')
  @Public()
  one(@Param('id') id: string) {
    return { beta: id };
  }

  @Post('beta')
  @Public()
  make() {
    return { ok: true };
  }
}
@Module({ controllers: [BetaController] })
class BetaModule {}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed where it is JSON. */
  readonly body: ReturnType<typeof JSON.parse>;
}

/** Two dialects and a page: `alpha`, and `beta`, which shares a path with it and counts requests. */
export async function sampleApi() {
  const webRoot = await mkdtemp(join(tmpdir(), 'flotilla-web-'));
  await writeFile(join(webRoot, 'index.html'), '<title>Fleet</title>');
  const beta = sampleDialect('beta', BetaModule, {
    created: 201,
    claims: [{ prefix: '/beta' }, { prefix: '/alpha', apiKeyPrefix: 'b_' }],
    rateLimit: { requests: 1000, seconds: 60 },
  });
  const sample = await listenWith([beta, sampleDialect('alpha', AlphaModule)], {
    webRoot,
    env: { FLOTILLA_CORS_ORIGINS: 'https://app.example.com' },
  });
  return {
    url: sample.url,
    async call(method: string, path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> {
      const answer = await fetch(sample.url + path, { method, headers, ...(body === undefined ? {} : { body }) });
      const text = await answer.text();
      const isJson = answer.headers.get('content-type')?.startsWith('application/json');
      return { status: answer.status, headers: answer.headers, body: isJson ? JSON.parse(text) : text };
    },
    async close(): Promise<void> {
      await sample.close();
      await rm(webRoot, { recursive: true, force: true });
    },
  };
}
export type SampleApi = Awaited<ReturnType<typeof sampleApi>>;
