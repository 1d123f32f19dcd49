import { BookOpen, Inbox as InboxIcon, LogOut, Monitor, Moon, Sun } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link, useLocation } from 'wouter';
import { call } from './lib/api';
import { useFleet } from './lib/fleet-context';
import type { LiveState } from './lib/live';
import { useInbox, useMe } from './lib/queries';
import { useTheme } from './lib/theme';
import { forgetToken } from './lib/token';
import { Brand } from './ui/brand';

const connections: Readonly<Record<LiveState, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  waiting: 'Reconnecting',
};

/** The bar above everything: where one is, what waits, and whether the page is live. */
export function Shell({ children }: { readonly children: ReactNode }): ReactNode {
  const { state } = useFleet();
  const [path] = useLocation();
  const inbox = useInbox();
  const waiting = (inbox.data?.approvals.length ?? 0) + (inbox.data?.questions.length ?? 0);
  return (
    <>
      <a className="skip" href="#main" onClick={skip}>
        Skip to content
      </a>
      <header className="bar">
        <Link href="/" className="brand-link" aria-label="Flotilla, all agents">
          <Brand />
        </Link>
        <nav aria-label="Main">
          <Link href="/" aria-current={path === '/' || path.startsWith('/agents') ? 'page' : undefined}>
            Agents
          </Link>
          <Link
            href="/inbox"
            aria-current={path === '/inbox' ? 'page' : undefined}
            aria-label={waiting > 0 ? `Inbox, ${waiting} waiting` : 'Inbox'}
          >
            <InboxIcon aria-hidden size={16} />
            <span>Inbox</span>
            {waiting > 0 && <span className="badge">{waiting}</span>}
          </Link>
        </nav>
        <span className="connection" data-state={state} role="status">
          {connections[state]}
        </span>
        <Tools />
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

/** The address after `#` is the page's own route, so the jump is made by hand. */
function skip(event: { preventDefault(): void }): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

const themeIcons = { system: Monitor, light: Sun, dark: Moon } as const;

function Tools(): ReactNode {
  const me = useMe();
  const [theme, nextTheme] = useTheme();
  const Icon = themeIcons[theme];
  const leave = (): void => {
    void call('POST', '/api/auth/logout').catch(() => undefined);
    forgetToken('left');
  };
  return (
    <div className="tools">
      <a className="icon-button" href="/docs" aria-label="API docs" title="API docs">
        <BookOpen aria-hidden size={18} />
      </a>
      <button
        type="button"
        className="icon-button"
        onClick={nextTheme}
        aria-label={`Theme: ${theme}`}
        title={`Theme: ${theme}`}
      >
        <Icon aria-hidden size={18} />
      </button>
      <span className="who" title={me.data?.email ?? undefined}>
        {me.data?.name ?? me.data?.username}
      </span>
      <button type="button" className="icon-button" onClick={leave} aria-label="Sign out" title="Sign out">
        <LogOut aria-hidden size={18} />
      </button>
    </div>
  );
}
