import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type SubmitEvent, type ReactNode, useState } from 'react';
import { call } from '../lib/api';
import { keepToken } from '../lib/token';
import { Brand } from '../ui/brand';
import { Field } from '../ui/field';
import { Failure } from '../ui/notice';

/** The first visit: the administrator chooses a password, and is signed in. */
export function Setup(): ReactNode {
  const client = useQueryClient();
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const setup = useMutation({
    mutationFn: async () => {
      const json = { password, confirm_password: again };
      await call('POST', '/api/setup/admin-password', { json });
      const form = { username: 'admin', password };
      return (await call<{ access_token: string }>('POST', '/token', { form })).access_token;
    },
    onSuccess: keepToken,
    onError: () => void client.invalidateQueries({ queryKey: ['mode'] }),
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    setup.mutate();
  };
  return (
    <main className="start">
      <form className="card" onSubmit={submit}>
        <Brand />
        <h1>Welcome aboard</h1>
        <p className="hint">Choose a password for the administrator of this installation. The user name is admin.</p>
        <Field label="New password" hint="At least 8 characters.">
          <input
            type="password"
            autoComplete="new-password"
            required
            autoFocus
            value={password}
            onChange={(e) => setPassword(e.target.value)}
          />
        </Field>
        <Field label="The same again">
          <input
            type="password"
            autoComplete="new-password"
            required
            value={again}
            onChange={(e) => setAgain(e.target.value)}
          />
        </Field>
        <Failure error={setup.error} />
        <button type="submit" className="primary wide" disabled={setup.isPending}>
          Set the password
        </button>
      </form>
    </main>
  );
}
