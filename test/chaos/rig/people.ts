import type { TrinityClient } from '../../support/trinity-client.js';
import { until } from '../../support/until.js';
import type { ChildServer } from '../child-server.js';

/** Somebody whose address is on the whitelist (sharing puts it there), signed in with the code that the server prints. */
export async function signInByMail(server: ChildServer, email: string): Promise<TrinityClient> {
  const nobody = server.admin.as(null);
  const from = server.output.length;
  const asked = await nobody.post('/api/auth/email/request', { email });
  if (asked.status !== 200) throw new Error(`asking for a code answered ${asked.status}`);
  const code = await until('the code is printed', () => {
    const mail = server.output.slice(from).split(`Mail for ${email} `)[1] ?? '';
    return /\| (\d{6}) is your sign-in code/.exec(mail)?.[1];
  });
  const { status, body } = await nobody.post('/api/auth/email/verify', { email, code });
  if (status !== 200) throw new Error(`signing ${email} in answered ${status}`);
  return server.admin.as(String(body['access_token']));
}
