import type { TrinityClient } from '../support/trinity-client.js';
import type { Change } from './change.js';

interface Token {
  readonly id: string;
  readonly label: string;
}

/** State-changing operations of the hostedagents dialect that the mixed load does once in each round, as the signed-in administrator. */
export function hostedagentsChanges(admin: TrinityClient, round: string): Change[] {
  const base = '/api/v1/tokens';
  let old = { id: '', token: '' };
  return [
    {
      what: 'token',
      about: 'admin',
      ask: () => admin.post(base, { label: round }),
      seen: async () => {
        const { body } = await admin.get<{ tokens: Token[] }>(base);
        return body.tokens.filter(({ label }) => label === round).length;
      },
      after: 1,
    },
    {
      what: 'revoke token',
      about: 'admin',
      prepare: async () => {
        const { body } = await admin.post(base, { label: `old-${round}` });
        old = { id: String(body['id']), token: String(body['token']) };
      },
      ask: () => admin.delete(`${base}/${old.id}`),
      seen: async () => (await admin.as(old.token).get('/api/v1/agents')).status,
      after: 401,
    },
  ];
}
