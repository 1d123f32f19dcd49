import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Clock } from '../../core/clock.port.js';
import { HealthService } from '../../core/health/health.service.js';
import { Public } from '../../platform/http/access.js';
import { OpenApiDocuments } from '../../platform/openapi/documents.js';
import { HealthView, ReadinessView } from './health.dto.js';

@ApiTags('Health')
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthService,
    private readonly documents: OpenApiDocuments,
    private readonly clock: Clock,
  ) {}

  @Get('health')
  @Public()
  @ApiOperation({ summary: 'Whether the server runs' })
  @ApiOkResponse({ type: HealthView })
  live(): HealthView {
    return { status: 'healthy', timestamp: this.clock.now().toISOString() };
  }

  @Get('health/ready')
  @Public()
  @ApiOperation({ summary: 'Whether the server can do its work, and what it lacks' })
  @ApiOkResponse({ type: ReadinessView })
  @ApiServiceUnavailableResponse({ type: ReadinessView })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<ReadinessView> {
    const { ready, checks } = await this.health.readiness();
    if (!ready) void reply.status(HttpStatus.SERVICE_UNAVAILABLE);
    return { status: ready ? 'ready' : 'not_ready', checks };
  }

  @Get('openapi.json')
  @Public()
  @ApiOperation({ summary: 'This document' })
  @ApiOkResponse({ schema: { type: 'object', additionalProperties: true } })
  openapi(): object {
    return this.documents.of('trinity');
  }
}
