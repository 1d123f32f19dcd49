import type { INestApplicationContext } from '@nestjs/common';
import type { Config } from './config/config.js';
import { AccountsService } from './core/accounts/accounts.service.js';
import { Mailer } from './core/accounts/mailer.port.js';
import { SshEndpoint } from './core/ssh/ssh-endpoint.js';
import { Models } from './core/runtimes/models.port.js';

/** What a person needs to know when the server has started: where it is, who may sign in, what it runs on. */
export function startLines(app: INestApplicationContext, config: Config): string {
  const { username, source, generatedPassword } = app.get(AccountsService).firstRun();
  const password = {
    environment: 'set by FLOTILLA_ADMIN_PASSWORD',
    kept: 'as set earlier',
    asked: `none yet: whoever opens ${config.publicUrl} first chooses it`,
    // The one place where it is shown, once: it is stored as a hash only.
    generated: `${generatedPassword?.reveal() ?? ''}  (made up now and not shown again)`,
  }[source];
  const lines: [string, string][] = [
    ['URL', config.publicUrl],
    ['API', `${config.publicUrl}/docs`],
    ['SSH', app.get(SshEndpoint).describe()],
    ['User', username],
    ['Password', password],
    ['Engine', config.engine === 'local' ? 'local: agents are ordinary processes, NOT isolated' : config.dockerHost],
    ['Models', app.get(Models).describe()],
    ...(config.emailSignIn ? ([['Mail', app.get(Mailer).destination]] as [string, string][]) : []),
    ['Data', config.dataDir],
  ];
  return ['Flotilla is running', ...lines.map(([name, value]) => `  ${name.padEnd(9)} ${value}`)].join('\n');
}

/** The password made up at this start, for a server that did not get as far as saying where it is; null: there is none. */
export function newPasswordLine(app: INestApplicationContext): string | null {
  const { username, generatedPassword } = app.get(AccountsService).firstRun();
  return (
    generatedPassword && `Password of ${username}: ${generatedPassword.reveal()}  (made up now and not shown again)`
  );
}
