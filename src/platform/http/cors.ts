import type { FastifyRequest } from 'fastify';
import type { Config } from '../../config/config.js';
import type { CorsRules } from '../../dialects/shared/dialect.js';
import { dialectOf } from './mount.js';

type Policy = Readonly<Record<string, unknown>>;
const none: Policy = { origin: false, strictPreflight: false };
const exposed = [
  'X-Request-ID',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
  'X-Flotilla-Engine',
];

/** True when a page of this origin may call us: our own public address, or one that the configuration lists. */
export function allowsOrigin(config: Config, origin: string): boolean {
  return config.corsOrigins.includes('*') || origin === new URL(config.publicUrl).origin || lists(config, origin);
}

const lists = ({ corsOrigins }: Config, origin: string): boolean =>
  corsOrigins.some((allowed) => allowed.replace(/\/$/, '') === origin);

/** The CORS policy of a request: exact origins, worded by its dialect. `*` is honoured without credentials only. */
export function corsOf(config: Config) {
  return (request: FastifyRequest, use: (error: Error | null, policy: Policy) => void): void => {
    const cors = dialectOf(request)?.cors;
    const { origin } = request.headers;
    if (!cors || !origin || !(cors.anyOrigin ?? allowsOrigin(config, origin))) {
      use(null, none);
      return;
    }
    if (cors.anyOrigin) {
      use(null, { ...rulesOf(cors), origin: '*', credentials: false });
      return;
    }
    const exact = origin === new URL(config.publicUrl).origin || lists(config, origin);
    use(null, { ...rulesOf(cors), origin: exact ? [origin] : '*', credentials: exact && cors.credentials });
  };
}

const rulesOf = ({ methods, headers }: CorsRules): Policy => ({
  methods: [...methods],
  allowedHeaders: [...headers],
  exposedHeaders: exposed,
  maxAge: 600,
  strictPreflight: false,
});
