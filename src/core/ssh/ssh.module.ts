import { Global, Module, type OnModuleInit } from '@nestjs/common';
import { Audit } from '../audit/audit.service.js';
import { InstanceHooks } from '../instances/instance-hooks.js';
import { Callers } from './callers.js';
import { HostKey } from './host-key.service.js';
import { ShellBook } from './shell-book.service.js';
import { ShellEnder } from './shell-ender.service.js';
import { ShellSweep } from './shell-sweep.service.js';
import { Shells, ShellSurroundings } from './shells.service.js';
import { SshAccess } from './ssh-access.service.js';
import { SshEndpoint } from './ssh-endpoint.js';
import { SshLogins } from './ssh-logins.service.js';
import { SshStops } from './ssh-stops.js';
import { TerminalPrograms } from './terminal-programs.service.js';
import { Terminals, TerminalSources } from './terminals.service.js';
import { Visits } from './visits.service.js';

const services = [HostKey, Shells, SshAccess, SshEndpoint, SshLogins, Terminals, Visits];

/** People inside agents: who may enter, what they start, and how it ends. */
@Global()
@Module({
  providers: [
    ...services,
    Callers,
    ShellBook,
    ShellEnder,
    ShellSurroundings,
    ShellSweep,
    TerminalPrograms,
    TerminalSources,
  ],
  exports: services,
})
export class SshModule implements OnModuleInit {
  constructor(
    private readonly hooks: InstanceHooks,
    private readonly audit: Audit,
  ) {}

  onModuleInit(): void {
    this.hooks.add(new SshStops(this.audit));
  }
}
