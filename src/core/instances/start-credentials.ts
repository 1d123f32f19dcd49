import { Injectable, Logger } from '@nestjs/common';
import { Clock } from '../clock.port.js';
import type { CredentialsOutcome } from '../credentials/credentials-outcome.js';
import { DomainError } from '../errors/domain-error.js';
import { HomeCredentials } from './home-credentials.service.js';
import type { StartingInstance, StartStep } from './instance-hooks.js';
import type { InstancePatch } from './instances.service.js';

const mostMs = 60_000;

/** A bundle in the home of an agent that starts is unpacked before its runtime does. It never keeps an agent from starting. */
@Injectable()
export class StartCredentials implements StartStep {
  private readonly logger = new Logger(StartCredentials.name);

  constructor(
    private readonly home: HomeCredentials,
    private readonly clock: Clock,
  ) {}

  async prepare(instance: StartingInstance): Promise<InstancePatch> {
    let cancel = (): void => undefined;
    const late = new Promise<CredentialsOutcome>((resolve) => {
      cancel = this.clock.after(mostMs, () => {
        resolve(failed('It took too long'));
      });
    });
    const credentials = await Promise.race([this.restored(instance), late]);
    cancel();
    return { credentials };
  }

  private async restored(instance: StartingInstance): Promise<CredentialsOutcome> {
    try {
      if (!(await this.home.hasBundle(instance))) return { status: 'skipped', reason: 'no_bundle' };
      if (!this.home.hasKey) return { status: 'skipped', reason: 'no_key' };
      return { status: 'success', ...(await this.home.restore(instance)) };
    } catch (error) {
      this.logger.warn(`The credentials bundle of instance ${instance.instanceId} was not unpacked`, error);
      return failed(error instanceof DomainError ? error.message : 'The bundle could not be read');
    }
  }
}

const failed = (error: string): CredentialsOutcome => ({ status: 'failed', error });
