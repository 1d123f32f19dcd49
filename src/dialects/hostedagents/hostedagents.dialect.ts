import type { Config } from '../../config/config.js';
import { bearerOf } from '../shared/credentials.js';
import type { Dialect } from '../shared/dialect.js';
import { render } from './errors.js';
import { HostedAgentsModule } from './hostedagents.module.js';

/**
 * The Hosted Agents API.
 *
 * Who sees what: a token acts for the user who made it, and reaches only agents of the organisation it was made for. So an
 * agent of another organisation is absent even if it is shared with that user, or the user administers the installation;
 * within the organisation the usual rule holds: own it, or have it shared with you.
 */
export const hostedagents = ({ hostedagents: settings }: Pick<Config, 'hostedagents'>): Dialect => ({
  name: 'hostedagents',
  title: 'Hosted Agents API',
  description:
    'Agents with an address to embed: create with a prompt, poll until idle, send messages, answer questions.',
  module: HostedAgentsModule,
  claims: [{ prefix: '/api/v1' }],
  created: 200,
  bodyLimit: 4 * 1024 * 1024,
  // Tokens stay on servers.
  cors: false,
  ...(settings.rateLimit > 0 ? { rateLimit: { requests: settings.rateLimit, seconds: 60 } } : {}),
  // People manage their tokens; with tokens everything else is done.
  loginsFor: ['account'],
  hidesRoutes: true,
  auth: { kind: 'bearer' },
  credential: bearerOf,
  renderError: render,
});
