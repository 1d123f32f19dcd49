import {
  createColumnHelper,
  createSortedRowModel,
  rowSortingFeature,
  sortFn_alphanumeric,
  sortFn_basic,
  sortFn_text,
  tableFeatures,
  useTable,
} from '@tanstack/react-table';
import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { type ReactNode, useLayoutEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { PowerButton } from '../agent/actions';
import { runtimeTitle, shortTime, stateOf } from '../lib/format';
import type { Member } from '../lib/types';
import { Status } from '../ui/status';
import { Meters } from './meters';

const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });
const helper = createColumnHelper<typeof features, Member>();
const columns = helper.columns([
  helper.accessor('name', { header: 'Agent', sortFn: sortFn_alphanumeric }),
  helper.accessor(stateOf, { id: 'status', header: 'State', sortFn: sortFn_text }),
  helper.accessor((agent) => agent.owner ?? '', { id: 'owner', header: 'Owner', sortFn: sortFn_text }),
  helper.accessor('runtime', { header: 'Runtime', sortFn: sortFn_text }),
  helper.accessor('created', { header: 'Created', sortFn: sortFn_text }),
  helper.accessor((agent) => agent.cpu_percent ?? -1, { id: 'cpu', header: 'CPU', sortFn: sortFn_basic }),
  helper.accessor((agent) => agent.memory_used_bytes ?? -1, { id: 'memory', header: 'Memory', sortFn: sortFn_basic }),
  helper.accessor((agent) => agent.context_percent ?? -1, { id: 'context', header: 'Context', sortFn: sortFn_basic }),
]);

/** Rows that are far from what one sees are not drawn: a thousand agents scroll as well as ten. */
export function AgentTable({ agents }: { readonly agents: readonly Member[] }): ReactNode {
  const table = useTable({
    features,
    columns,
    data: agents,
    getRowId: (agent: Member) => agent.name,
    initialState: { sorting: [{ id: 'created', desc: true }] },
  });
  const { rows } = table.getRowModel();
  const list = useRef<HTMLDivElement>(null);
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => setOffset(list.current?.offsetTop ?? 0), [rows.length]);
  const virtualizer = useWindowVirtualizer({
    count: rows.length,
    estimateSize: () => 64,
    overscan: 12,
    scrollMargin: offset,
    getItemKey: (index) => rows[index]?.id ?? index,
  });
  return (
    <div className="fleet-table" role="table" aria-label="Agents" aria-rowcount={rows.length + 1}>
      <div role="row" aria-rowindex={1} className="fleet-row fleet-header">
        {table.getHeaderGroups().flatMap((group) =>
          group.headers.map((header) => {
            const sorted = header.column.getIsSorted();
            const Icon = sorted === 'asc' ? ArrowUp : ArrowDown;
            return (
              <div
                key={header.id}
                role="columnheader"
                className={`cell-${header.id}`}
                aria-sort={sorted === false ? 'none' : sorted === 'asc' ? 'ascending' : 'descending'}
              >
                <button type="button" className="sort" onClick={header.column.getToggleSortingHandler()}>
                  {String(header.column.columnDef.header)}
                  {sorted !== false && <Icon aria-hidden size={13} />}
                </button>
              </div>
            );
          }),
        )}
        <div role="columnheader" className="cell-actions">
          <span className="sr-only">Actions</span>
        </div>
      </div>
      <div ref={list} role="rowgroup" className="fleet-body" style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map((item) => {
          const agent = rows[item.index]?.original;
          return (
            agent && (
              <div
                key={item.key}
                ref={virtualizer.measureElement}
                data-index={item.index}
                role="row"
                aria-rowindex={item.index + 2}
                className="fleet-row"
                style={{ transform: `translateY(${item.start - offset}px)` }}
              >
                <AgentCells agent={agent} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

function AgentCells({ agent }: { readonly agent: Member }): ReactNode {
  const { name, status, reason, owner, runtime, created, tags } = agent;
  return (
    <>
      <div role="cell" className="cell-name">
        <Link href={`/agents/${encodeURIComponent(name)}`} className="agent-link">
          {name}
        </Link>
        {tags.length > 0 && (
          <span className="tags">
            {tags.slice(0, 4).map((tag) => (
              <span key={tag} className="tag">
                {tag}
              </span>
            ))}
            {tags.length > 4 && <span className="tag">+{tags.length - 4}</span>}
          </span>
        )}
      </div>
      <div role="cell" className="cell-status">
        <Status state={stateOf(agent)} />
        {status !== 'running' && reason && (
          <span className="reason" title={reason}>
            {reason}
          </span>
        )}
      </div>
      <div role="cell" className="cell-owner">
        {owner ?? 'nobody'}
        {agent.is_shared && <span className="hint"> (shared with you)</span>}
      </div>
      <div role="cell" className="cell-runtime">
        {runtimeTitle(runtime)}
      </div>
      <div role="cell" className="cell-created">
        <time dateTime={created}>{shortTime(created)}</time>
      </div>
      <Meters agent={agent} />
      <div role="cell" className="cell-actions">
        <PowerButton agent={agent} />
      </div>
    </>
  );
}
