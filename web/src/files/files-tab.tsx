import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ChevronRight, File, Folder, Upload } from 'lucide-react';
import { type DragEvent, type ReactNode, useRef, useState } from 'react';
import { agentPath, consolePath, get, messageOf, send } from '../lib/api';
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

/** What the server takes in one go. */
const mostUploaded = 100 * 1024 * 1024;

/** The agent's home: looked through, read, changed. */
export function FilesTab({ agent }: { readonly agent: Agent }): ReactNode {
  const { name, status } = agent;
  const me = useMe();
  const client = useQueryClient();
  const [hidden, setHidden] = useState(false);
  const [chosen, setChosen] = useState<string | null>(null);
  const [errors, setErrors] = useState<readonly string[]>([]);
  const [sending, setSending] = useState<string | null>(null);
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
    setErrors([]);
    for (const file of files) {
      setSending(file.name);
      try {
        await put(name, file);
      } catch (failure) {
        setErrors((before) => [...before, `${file.name}: ${messageOf(failure)}`]);
      }
    }
    setSending(null);
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
              aria-label="Files to upload"
              onChange={({ target }) => {
                const files = [...(target.files ?? [])];
                target.value = ''; // the same file may be chosen again
                void upload(files);
              }}
            />
            <button type="button" className="quiet" disabled={sending !== null} onClick={() => picker.current?.click()}>
              <Upload aria-hidden size={15} /> Upload files
            </button>
          </>
        )}
        {sending !== null && (
          <span className="hint" role="status">
            Sending {sending}…
          </span>
        )}
      </div>
      <Failure error={tree.error} />
      {errors.map((error) => (
        <Notice key={error} kind="error">
          {error}
        </Notice>
      ))}
      {tree.data?.truncated === true && <Notice kind="info">There is more than can be shown here.</Notice>}
      {tree.data?.tree.length === 0 && (
        <Empty title="No files yet">
          <p>What the agent writes shows up here. You may also drop files onto this page.</p>
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

async function put(name: string, file: globalThis.File): Promise<void> {
  if (file.size > mostUploaded) throw new Error('is larger than 100 MB');
  const query = new URLSearchParams({ path: file.name }).toString();
  const headers = { 'content-type': 'application/octet-stream' };
  await send('PUT', consolePath(name, `/files?${query}`), { body: file, headers });
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
