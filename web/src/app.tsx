import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense, useEffect } from 'react';
import { Redirect, Route, Router, Switch } from 'wouter';
import { useHashLocation } from 'wouter/use-hash-location';
import { FleetPage } from './fleet/fleet-page';
import { InboxPage } from './inbox/inbox-page';
import { get } from './lib/api';
import { FleetProvider } from './lib/fleet-context';
import { useToken } from './lib/token';
import type { AuthMode } from './lib/types';
import { Shell } from './shell';
import { Setup } from './start/setup';
import { SignIn } from './start/sign-in';
import { Notice } from './ui/notice';

// Most of the page's weight: read while one looks at the list.
const AgentPage = lazy(() => import('./agent/agent-page'));

/** The whole page: first-run setup, sign-in, and the fleet behind it. */
export function App(): ReactNode {
  const token = useToken();
  const client = useQueryClient();
  // What one person has read must not be shown to the next.
  useEffect(() => {
    if (token === null) client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'mode' });
  }, [token, client]);
  return token === null ? <Start /> : <Fleet />;
}

function Start(): ReactNode {
  const mode = useQuery({
    queryKey: ['mode'],
    queryFn: ({ signal }) => get<AuthMode>('/api/auth/mode', signal),
    refetchInterval: ({ state }) => (state.status === 'error' ? 2000 : false),
  });
  if (mode.isPending) return <main className="start" aria-busy="true" />;
  if (mode.isError) {
    return (
      <main className="start">
        <Notice kind="error">The server does not answer. This page tries again by itself.</Notice>
      </main>
    );
  }
  if (!mode.data.setup_completed) return <Setup />;
  return <SignIn byEmail={mode.data.email_auth_enabled} />;
}

function Fleet(): ReactNode {
  return (
    <FleetProvider>
      <Router hook={useHashLocation}>
        <Shell>
          <Switch>
            <Route path="/">
              <FleetPage />
            </Route>
            <Route path="/inbox">
              <InboxPage />
            </Route>
            <Route path="/agents/:name/:tab?">
              {({ name, tab }) => (
                <Suspense fallback={<div className="page" aria-busy="true" />}>
                  <AgentPage key={name} name={name} tab={tab ?? 'chat'} />
                </Suspense>
              )}
            </Route>
            <Route>
              <Redirect to="/" />
            </Route>
          </Switch>
        </Shell>
      </Router>
    </FleetProvider>
  );
}
