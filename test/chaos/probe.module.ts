import { createServer, type IncomingMessage, type Server } from 'node:http';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Injectable, Module, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../../src/config/config.js';
import { ContainerEngine } from '../../src/core/instances/engine.port.js';
import { UnitOfWork } from '../../src/platform/database/unit-of-work.js';

/** Looks into the server under test: SQL, and what its engine has. Answers on a Unix socket in the data folder. */
@Injectable()
class Probe implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private server: Server | null = null;

  constructor(
    private readonly config: Config,
    private readonly db: UnitOfWork,
    private readonly engine: ContainerEngine,
  ) {}

  onApplicationBootstrap(): void {
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
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private async answer(request: IncomingMessage): Promise<unknown> {
    if (request.url === '/engine') {
      return { instances: await this.engine.list(), volumes: await this.engine.listVolumes() };
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
