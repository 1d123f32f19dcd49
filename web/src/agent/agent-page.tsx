import { ChevronLeft } from 'lucide-react';
import { type ReactNode, Suspense, useEffect } from 'react';
import { Link, useLocation } from 'wouter';
import { ChatTab } from '../chat/chat-tab';
import { ApiError } from '../lib/api';
import { useFleet } from '../lib/fleet-context';
import { runtimeTitle, stateOf } from '../lib/format';
import { useAgent, useMe, useMember } from '../lib/queries';
import type { Agent } from '../lib/types';
import { Empty, Failure } from '../ui/notice';
import { Status } from '../ui/status';
import { OwnerMenu, PowerButton } from './actions';
import { tabs } from './tabs';

interface Props {
  readonly name: string;
  readonly tab: string;
}

/** One agent: what it is and does, and a tab for each thing one can do with it. */
export default function AgentPage({ name, tab }: Props): ReactNode {
  const agent = useAgent(name);
  const [, go] = useLocation();
  const fleet = useFleet();
  useEffect(
    () =>
      fleet.listen(({ type, data }) => {
        if (type === 'agent_renamed' && data?.['old_name'] === name) {
          go(`/agents/${encodeURIComponent(String(data['new_name']))}/${tab}`, { replace: true });
        }
      }),
    [fleet, name, tab, go],
  );
  useEffect(() => {
    document.title = `${name} · Flotilla`;
    return () => {
      document.title = 'Flotilla';
    };
  }, [name]);

  if (agent.error instanceof ApiError && [403, 404].includes(agent.error.status)) {
    return (
      <div className="page">
        <Empty title={`There is no agent called ${name}, or it is not yours to see`}>
          <Link href="/" className="button">
            All agents
          </Link>
        </Empty>
      </div>
    );
  }
  return (
    <div className="page agent-page">
      {agent.error && <Failure error={agent.error} />}
      {agent.data && <Loaded agent={agent.data} tab={tab} />}
    </div>
  );
}

function Loaded({ agent, tab }: { readonly agent: Agent; readonly tab: string }): ReactNode {
  const { name } = agent;
  const member = useMember(name);
  const now = { ...agent, status: member?.status ?? agent.status };
  const reason = member ? member.reason : agent.status_reason;
  const me = useMe().data;
  const shown = tabs.filter((one) => one.fits(agent, me));
  const Tab = shown.find(({ id }) => id === tab)?.view ?? ChatTab;
  return (
    <>
      <header className="agent-head">
        <Link href="/" className="icon-button" aria-label="All agents">
          <ChevronLeft aria-hidden size={20} />
        </Link>
        <div className="agent-title">
          <h1>{name}</h1>
          <p className="agent-facts">
            <Status state={member ? stateOf(member) : agent.status} />
            <span>{runtimeTitle(agent.runtime)}</span>
            <span>{agent.is_owner ? 'yours' : `of ${agent.owner ?? 'nobody'}`}</span>
            {agent.tags.map((tag) => (
              <span key={tag} className="tag">
                {tag}
              </span>
            ))}
          </p>
        </div>
        <div className="actions">
          <PowerButton agent={now} />
          <OwnerMenu agent={agent} />
        </div>
      </header>
      {now.status !== 'running' && reason && <p className="why">{reason}</p>}
      {shown.length > 1 && (
        <nav className="tabs" aria-label={`Parts of ${name}`}>
          {shown.map(({ id, title }) => (
            <Link
              key={id}
              href={`/agents/${encodeURIComponent(name)}/${id}`}
              aria-current={id === tab ? 'page' : undefined}
            >
              {title}
            </Link>
          ))}
        </nav>
      )}
      <Suspense fallback={<div className="panel" aria-busy="true" />}>
        <Tab agent={now} />
      </Suspense>
    </>
  );
}
