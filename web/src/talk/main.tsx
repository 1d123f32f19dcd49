import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/controls.css';
import '../styles/fleet.css';
import '../styles/chat.css';
import '../styles/parts.css';
import '../styles/talk.css';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { AgentCard } from './agent-card';
import { SessionTalk } from './session-talk';

// Whoever shows this page in a frame may say which colours fit there; there is nothing here that could be kept.
const theme = new URLSearchParams(location.search).get('theme');
if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;

/** Everything this page asks for lies below its own address. */
const base = location.pathname.replace(/\/+$/, '');
const root = document.getElementById('app');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={new QueryClient()}>
        {/\/a\/[^/]+$/.test(base) ? <AgentCard base={base} /> : <SessionTalk base={base} />}
      </QueryClientProvider>
    </StrictMode>,
  );
}
