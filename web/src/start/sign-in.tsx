import { useMutation } from '@tanstack/react-query';
import { type SubmitEvent, type ReactNode, useState } from 'react';
import { call } from '../lib/api';
import { keepToken, lastEnding } from '../lib/token';
import { Brand } from '../ui/brand';
import { Field } from '../ui/field';
import { Failure, Notice } from '../ui/notice';

interface Token {
  readonly access_token: string;
}

/** Sign-in with a password, or with a code by e-mail where the server offers that. */
export function SignIn({ byEmail }: { readonly byEmail: boolean }): ReactNode {
  const [way, setWay] = useState<'password' | 'email'>('password');
  return (
    <main className="start">
      <div className="card">
        <Brand />
        <h1>Sign in</h1>
        {lastEnding() === 'expired' && <Notice kind="info">Your sign-in has ended. Please sign in again.</Notice>}
        {way === 'password' ? <PasswordForm /> : <EmailForm />}
        {byEmail && (
          <button type="button" className="link" onClick={() => setWay(way === 'password' ? 'email' : 'password')}>
            {way === 'password' ? 'Sign in with a code by e-mail' : 'Sign in with a password'}
          </button>
        )}
        <p className="hint">
          Prefer the API? It is described at <a href="/docs">/docs</a>.
        </p>
      </div>
    </main>
  );
}

function PasswordForm(): ReactNode {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const signIn = useMutation({
    mutationFn: async () => {
      const form = { username: username.trim(), password };
      return (await call<Token>('POST', '/token', { form })).access_token;
    },
    onSuccess: keepToken,
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    signIn.mutate();
  };
  return (
    <form onSubmit={submit}>
      <Field label="User name">
        <input
          name="username"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          autoFocus
          value={username}
          onChange={(event) => setUsername(event.target.value)}
        />
      </Field>
      <Field label="Password">
        <input
          type="password"
          name="password"
          autoComplete="current-password"
          required
          value={password}
          onChange={(event) => setPassword(event.target.value)}
        />
      </Field>
      <Failure error={signIn.error} />
      <button type="submit" className="primary wide" disabled={signIn.isPending}>
        Sign in
      </button>
    </form>
  );
}

function EmailForm(): ReactNode {
  const [email, setEmail] = useState('');
  const [code, setCode] = useState('');
  const ask = useMutation({
    mutationFn: () => call<{ message: string }>('POST', '/api/auth/email/request', { json: { email: email.trim() } }),
  });
  const verify = useMutation({
    mutationFn: async () => {
      const json = { email: email.trim(), code: code.trim() };
      return (await call<Token>('POST', '/api/auth/email/verify', { json })).access_token;
    },
    onSuccess: keepToken,
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (ask.isSuccess) verify.mutate();
    else ask.mutate();
  };
  const error: unknown = verify.error ?? ask.error;
  return (
    <form onSubmit={submit}>
      <Field label="E-mail address">
        <input
          type="email"
          autoComplete="email"
          required
          autoFocus
          value={email}
          onChange={(event) => setEmail(event.target.value)}
        />
      </Field>
      {ask.isSuccess && (
        <>
          <Notice kind="info">{ask.data.message}</Notice>
          <Field label="Code" hint="Six digits, from the message.">
            <input
              inputMode="numeric"
              autoComplete="one-time-code"
              pattern="[0-9]{6}"
              required
              autoFocus
              value={code}
              onChange={(event) => setCode(event.target.value)}
            />
          </Field>
        </>
      )}
      <Failure error={error} />
      <button type="submit" className="primary wide" disabled={ask.isPending || verify.isPending}>
        {ask.isSuccess ? 'Sign in' : 'Send me a code'}
      </button>
    </form>
  );
}
