import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';

/** Where people reach this server, as far as it knows. */
@Injectable()
export class PublicAddress {
  private port = 0;

  constructor(private readonly config: Config) {}

  /** Without a trailing slash: as configured, else where it listens. */
  get base(): string {
    const { publicUrl } = this.config;
    return this.port === 0 ? publicUrl : publicUrl.replace(/^(http:\/\/[^/]+):0$/, `$1:${this.port}`);
  }

  /** The server listens: a configuration with "any free port" becomes an address by it. */
  bound(port: number): void {
    this.port = port;
  }
}
