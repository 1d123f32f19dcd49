import { createServer, type IncomingMessage, type Server } from 'node:http';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Injectable, Module, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../../src/config/config.js';
import { ContainerEngine } from '../../src/core/instances/engine.port.js';
import { UnitOfWork } from '../../src/platform/database/unit-of-work.js';

/** Looks into the server under test: SQL, what its engine has, how late its event loop is. Answers on a Unix socket in the data folder. */
@Injectable()
class Probe implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private server: Server | null = null;
  private readonly delays = monitorEventLoopDelay({ resolution: 10 });

  constructor(
    private readonly config: Config,
    private readonly db: UnitOfWork,
    private readonly engine: ContainerEngine,
  ) {}

  onApplicationBootstrap(): void {
    this.delays.enable();
    const path = join(this.config.dataDir, 'probe.sock');
    rmSync(path, { force: true });
    this.server = createServer((request, reply) => {
      this.answer(request).then(
        (found) => reply.end(JSON.stringify(found)),
        (error: unknown) => reply.writeHead(500).end(String(error)),
      );
    }).listen(path);
  }

  beforeApplicationShutdown(): void {
    this.delays.disable();
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private async answer(request: IncomingMessage): Promise<unknown> {
    if (request.url === '/engine') {
      return { instances: await this.engine.list(), volumes: await this.engine.listVolumes() };
    }
    if (request.url === '/delays') {
      const p99Ms = Math.round(this.delays.percentile(99) / 1e6);
      this.delays.reset();
      return { p99Ms };
    }
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const found = await this.db.query(Buffer.concat(parts).toString('utf8'));
    if (request.url === '/last-words') process.kill(process.pid, 'SIGKILL');
    return found;
  }
}

@Module({ providers: [Probe] })
export class ProbeModule {}
