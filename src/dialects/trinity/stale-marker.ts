import {
  type CallHandler,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
  UseInterceptors,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import { EngineWatch } from '../../core/instances/engine-watch.service.js';

/** Marks answers to reads that are as they were stored, while the engine does not answer (contract section 1). */
@Injectable()
export class StaleMarker implements NestInterceptor {
  constructor(private readonly watch: EngineWatch) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp();
    if (http.getRequest<FastifyRequest>().method !== 'GET') return next.handle();
    return next.handle().pipe(
      map((answer: unknown) => {
        if (!this.watch.connected) http.getResponse<FastifyReply>().header('X-Flotilla-Engine', 'unreachable');
        return answer;
      }),
    );
  }
}

/** For reads about agents, as far as `ByName` does not say it already. */
export const MayBeStale = (): MethodDecorator & ClassDecorator => UseInterceptors(StaleMarker);
