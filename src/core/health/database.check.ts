import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UnitOfWork } from '../../platform/database/unit-of-work.js';
import { HealthService } from './health.service.js';

/** Registers the check `database`: one query through the ordinary pool. */
@Injectable()
export class DatabaseCheck implements OnModuleInit {
  constructor(
    private readonly health: HealthService,
    private readonly db: UnitOfWork,
  ) {}

  onModuleInit(): void {
    this.health.register('database', async () => {
      try {
        await this.db.query('select 1');
        return { ok: true };
      } catch {
        // The driver's own words may name hosts and users.
        return { ok: false, reason: 'the database does not answer' };
      }
    });
  }
}
