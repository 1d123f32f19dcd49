import type { Role, Row, Target } from './words.js';

/** Pages for people without an account: the address is all that counts, whoever asks and whatever they bring along. */
export const talkRows: Readonly<Record<string, Row>> = {
  'GET /a/{capability}': { who: 'access', ok: 200 },
  'GET /a/{capability}/state': { who: 'access', ok: 200 },
  'GET /s/{capability}': { who: 'access', ok: 200 },
  'GET /s/{capability}/state': { who: 'access', ok: 200 },
  'GET /s/{capability}/messages': { who: 'access', ok: 200 },
  'GET /s/{capability}/stream': { who: 'access', ok: 200 },
  'POST /s/{capability}/messages': { who: 'access', ok: 400 }, // the agent is stopped
  'POST /s/{capability}/files': { who: 'access', ok: 400 }, // the agent is stopped
  'POST /s/{capability}/stop': { who: 'access', ok: 200 },
  'POST /s/{capability}/approvals/{id}': { who: 'access', ok: 409 }, // its runtime is gone, so nobody waits for the answer
  'POST /s/{capability}/questions/{id}': { who: 'access', ok: 409 },
};

export function expectedByTalk({ ok }: Row, _role: Role, target: Target): number {
  return target === 'unknown' || target === 'deleted' ? 404 : ok;
}
