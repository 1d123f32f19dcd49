import { Plus, Search } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { counted, stateOf, stateWord } from '../lib/format';
import { useFleetMembers } from '../lib/queries';
import type { Member } from '../lib/types';
import { Empty, Failure } from '../ui/notice';
import { AgentTable } from './agent-table';
import { CreateDialog } from './create-dialog';

const none: readonly Member[] = [];

/** All agents one may see: found, filtered, sorted, made. */
export function FleetPage(): ReactNode {
  const agents = useFleetMembers();
  const all = agents.data ?? none;
  const [, go] = useLocation();
  const [creating, setCreating] = useState(false);
  const [search, setSearch] = useState('');
  const [status, setStatus] = useState('');
  const [tag, setTag] = useState('');
  const shown = useMemo(() => all.filter((agent) => fits(agent, { search, status, tag })), [all, search, status, tag]);
  const tags = useMemo(() => [...new Set(all.flatMap((agent) => agent.tags))].sort(), [all]);
  const statuses = useMemo(() => [...new Set(all.map(stateOf))].sort(), [all]);
  const running = all.filter((agent) => agent.status === 'running').length;

  const clear = (): void => {
    setSearch('');
    setStatus('');
    setTag('');
  };
  return (
    <div className="page">
      <div className="page-head">
        <div>
          <h1>Agents</h1>
          {all.length > 0 && (
            <p className="hint">
              {counted(all.length, 'agent')}, {running} running
            </p>
          )}
        </div>
        <button type="button" className="primary" onClick={() => setCreating(true)}>
          <Plus aria-hidden size={16} /> New agent
        </button>
      </div>
      <Failure error={agents.error} />
      {all.length > 0 && (
        <div className="filters" role="search">
          <label className="search">
            <Search aria-hidden size={16} />
            <span className="sr-only">Search agents</span>
            <input
              type="search"
              placeholder="Search name, owner, tag, runtime"
              value={search}
              onChange={(event) => setSearch(event.target.value)}
            />
          </label>
          <select aria-label="State" value={status} onChange={(event) => setStatus(event.target.value)}>
            <option value="">Any state</option>
            {statuses.map((one) => (
              <option key={one} value={one}>
                {stateWord(one)}
              </option>
            ))}
          </select>
          {tags.length > 0 && (
            <select aria-label="Tag" value={tag} onChange={(event) => setTag(event.target.value)}>
              <option value="">Any tag</option>
              {tags.map((one) => (
                <option key={one}>{one}</option>
              ))}
            </select>
          )}
        </div>
      )}
      {agents.isPending && <p className="hint">Loading…</p>}
      {agents.isSuccess && all.length === 0 && (
        <Empty title="No agents yet">
          <p>An agent is a coding program in a container of its own. Make your first one and say hello.</p>
          <button type="button" className="primary" onClick={() => setCreating(true)}>
            <Plus aria-hidden size={16} /> Create your first agent
          </button>
        </Empty>
      )}
      {all.length > 0 && shown.length === 0 && (
        <Empty title="Nothing fits these filters">
          <button type="button" onClick={clear}>
            Show all agents
          </button>
        </Empty>
      )}
      {shown.length > 0 && <AgentTable agents={shown} />}
      {creating && (
        <CreateDialog
          onClose={() => setCreating(false)}
          onCreated={(name) => {
            setCreating(false);
            go(`/agents/${encodeURIComponent(name)}`);
          }}
        />
      )}
    </div>
  );
}

interface Filter {
  readonly search: string;
  readonly status: string;
  readonly tag: string;
}

function fits(agent: Member, { search, status, tag }: Filter): boolean {
  if (status !== '' && stateOf(agent) !== status) return false;
  if (tag !== '' && !agent.tags.includes(tag)) return false;
  const text = [agent.name, agent.owner ?? '', agent.runtime, ...agent.tags].join(' ').toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
