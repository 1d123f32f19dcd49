import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronRight, File, Folder, Upload } from 'lucide-react';
import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import { agentPath, call, get, messageOf } from '../lib/api';
import { bytesText, timeText } from '../lib/format';
import { Switch } from '../ui/field';
import type { Agent } from '../lib/types';
import { useMe } from '../lib/queries';
import { Empty, Failure, Notice } from '../ui/notice';
import { FileView } from './file-view';

interface Node {
  readonly name: string;
  readonly path: string;
  readonly type: 'file' | 'directory';
  readonly size?: number;
  readonly modified?: string;
  readonly children?: readonly Node[];
}
interface Tree {
  readonly tree: readonly Node[];
  readonly total_files: number;
  readonly truncated?: boolean;
}

/** Text larger than this is not put into a page. */
const mostUploaded = 20 * 1024 * 1024;

/** The agent's home: looked through, read, changed. */
export function FilesTab({ agent }: { readonly agent: Agent }): ReactNode {
  const { name, status } = agent;
  const me = useMe();
  const client = useQueryClient();
  const [hidden, setHidden] = useState(false);
  const [chosen, setChosen] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const picker = useRef<HTMLInputElement>(null);
  const running = status === 'running';
  const tree = useQuery({
    queryKey: ['files', name, hidden],
    queryFn: ({ signal }) => get<Tree>(agentPath(name, `/files?show_hidden=${hidden}`), signal),
    enabled: running,
  });
  const refresh = (): Promise<unknown> => client.invalidateQueries({ queryKey: ['files', name] });
  if (!running) return <Empty title="Start the agent to see its files" />;

  const writes = agent.is_owner || agent.is_shared || me.data?.role === 'admin';
  const upload = async (files: Iterable<globalThis.File>): Promise<void> => {
    setError(null);
    for (const file of files) {
      try {
        await put(name, file);
      } catch (failure) {
        setError(`${file.name}: ${messageOf(failure)}`);
      }
    }
    await refresh();
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    if (writes) void upload(event.dataTransfer.files);
  };
  return (
    <div className="panel files" onDragOver={(event) => event.preventDefault()} onDrop={drop}>
      <div className="panel-bar">
        <Switch label="Hidden files" checked={hidden} onChange={setHidden} />
        {writes && (
          <>
            <input
              ref={picker}
              type="file"
              multiple
              hidden
              onChange={(event) => void upload(event.target.files ?? [])}
            />
            <button type="button" className="quiet" onClick={() => picker.current?.click()}>
              <Upload aria-hidden size={15} /> Upload text files
            </button>
          </>
        )}
      </div>
      <Failure error={tree.error} />
      {error !== null && <Notice kind="error">{error}</Notice>}
      {tree.data?.truncated === true && <Notice kind="info">There is more than can be shown here.</Notice>}
      {tree.data?.tree.length === 0 && (
        <Empty title="No files yet">
          <p>What the agent writes shows up here. You may also drop text files onto this page.</p>
        </Empty>
      )}
      <div className="files-parts">
        <ul className="tree" aria-label={`Files of ${name}`}>
          {tree.data?.tree.map((node) => (
            <Entry key={node.path} node={node} chosen={chosen} onChoose={setChosen} />
          ))}
        </ul>
        {chosen !== null && (
          <FileView
            key={chosen}
            agent={name}
            path={chosen}
            writes={writes}
            onClose={() => setChosen(null)}
            onChanged={() => void refresh()}
          />
        )}
      </div>
    </div>
  );
}

/** The server keeps text as it is; what is no text would not arrive whole, so it is refused here. */
async function put(name: string, file: globalThis.File): Promise<void> {
  if (file.size > mostUploaded) throw new Error('is larger than 20 MB');
  let content: string;
  try {
    content = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await file.arrayBuffer());
  } catch {
    throw new Error('is no text file');
  }
  await call('PUT', agentPath(name, `/files?${new URLSearchParams({ path: file.name }).toString()}`), {
    json: { content },
  });
}

interface EntryProps {
  readonly node: Node;
  readonly chosen: string | null;
  readonly onChoose: (path: string) => void;
}

function Entry({ node, chosen, onChoose }: EntryProps): ReactNode {
  if (node.type === 'directory') {
    return (
      <li>
        <details>
          <summary>
            <ChevronRight aria-hidden size={14} className="turn" />
            <Folder aria-hidden size={15} /> {node.name}
          </summary>
          <ul>
            {(node.children ?? []).map((child) => (
              <Entry key={child.path} node={child} chosen={chosen} onChoose={onChoose} />
            ))}
          </ul>
        </details>
      </li>
    );
  }
  return (
    <li>
      <button
        type="button"
        className="tree-file"
        aria-pressed={node.path === chosen}
        title={timeText(node.modified)}
        onClick={() => onChoose(node.path)}
      >
        <File aria-hidden size={15} /> <span>{node.name}</span>
        <span className="hint">{bytesText(node.size ?? 0)}</span>
      </button>
    </li>
  );
}
