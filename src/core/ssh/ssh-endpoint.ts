import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { Unavailable } from '../errors/domain-error.js';

/** Where this server's SSH gateway is, as far as it really is. */
@Injectable()
export class SshEndpoint {
  private listening = 0;
  private why: string;

  constructor(private readonly config: Config) {
    this.why = config.sshGateway.port === null ? 'it is turned off' : 'it has not started yet';
  }

  /** 0 while nobody listens. */
  get port(): number {
    return this.listening;
  }

  get host(): string {
    return this.config.sshGateway.publicHost;
  }

  /** One sentence for people who start the server. */
  describe(): string {
    return this.listening > 0 ? this.command('<agent>') : `none: ${this.why}`;
  }

  command(agent: string): string {
    return `ssh -p ${this.listening} ${agent}@${this.host}`;
  }

  opened(port: number): void {
    this.listening = port;
  }

  /** `why` follows "because". */
  closed(why: string): void {
    this.listening = 0;
    this.why = why;
  }

  /** @throws Unavailable there is no gateway here */
  require(): void {
    if (this.listening > 0) return;
    throw new Unavailable(
      `There is no SSH gateway: ${this.why}`,
      'ssh_unavailable',
      this.config.sshGateway.port === null ? null : 10,
    );
  }
}
