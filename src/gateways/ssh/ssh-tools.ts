import { Injectable } from '@nestjs/common';
import { Config } from '../../config/config.js';
import { Clock } from '../../core/clock.port.js';
import { Shells } from '../../core/ssh/shells.service.js';
import { SshLogins } from '../../core/ssh/ssh-logins.service.js';
import { Visits } from '../../core/ssh/visits.service.js';

/** What every connection needs. */
@Injectable()
export class SshTools {
  constructor(
    readonly logins: SshLogins,
    readonly visits: Visits,
    readonly shells: Shells,
    readonly clock: Clock,
    readonly config: Config,
  ) {}
}
