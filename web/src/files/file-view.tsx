import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Download, Pencil, Trash2, X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { agentPath, call, messageOf, send } from '../lib/api';
import { bytesText } from '../lib/format';
import { Confirm } from '../ui/dialog';
import { Failure, Notice } from '../ui/notice';

interface Props {
  readonly agent: string;
  readonly path: string;
  readonly writes: boolean;
  readonly onClose: () => void;
  readonly onChanged: () => void;
}
type Shown = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'other'; readonly size: number };

const mostShown = 1_000_000;

/** One file: shown when it is text, changed, loaded down, deleted. */
export function FileView({ agent, path, writes, onClose, onChanged }: Props): ReactNode {
  const client = useQueryClient();
  const [draft, setDraft] = useState<string | null>(null);
  const [deleting, setDeleting] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const at = (rest: string): string => agentPath(agent, `/files${rest}?${new URLSearchParams({ path }).toString()}`);
  const key = ['files', agent, 'content', path];
  const file = useQuery({
    queryKey: key,
    queryFn: async ({ signal }): Promise<Shown> => {
      const bytes = await (await send('GET', at('/download'), { signal })).arrayBuffer();
      return shownOf(bytes);
    },
    staleTime: 0,
  });
  const save = async (): Promise<void> => {
    setError(null);
    try {
      await call('PUT', at(''), { json: { content: draft ?? '' } });
      setDraft(null);
      await client.invalidateQueries({ queryKey: key });
      onChanged();
    } catch (failure) {
      setError(failure);
    }
  };
  const download = async (): Promise<void> => {
    setError(null);
    try {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await (await send('GET', at('/download'))).blob());
      link.download = path.split('/').at(-1) ?? 'file';
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (failure) {
      setError(failure);
    }
  };
  const text = file.data?.kind === 'text' ? file.data.text : null;
  return (
    <section className="file-view" aria-label={path}>
      <div className="panel-bar">
        <code className="file-path">{path}</code>
        {writes && text !== null && draft === null && (
          <button type="button" className="icon-button" aria-label="Edit" onClick={() => setDraft(text)}>
            <Pencil aria-hidden size={16} />
          </button>
        )}
        <button type="button" className="icon-button" aria-label="Download" onClick={() => void download()}>
          <Download aria-hidden size={16} />
        </button>
        {writes && (
          <button type="button" className="icon-button" aria-label="Delete" onClick={() => setDeleting(true)}>
            <Trash2 aria-hidden size={16} />
          </button>
        )}
        <button type="button" className="icon-button" aria-label="Close file" onClick={onClose}>
          <X aria-hidden size={16} />
        </button>
      </div>
      <Failure error={file.error} />
      {error !== null && <Notice kind="error">{messageOf(error)}</Notice>}
      {file.data?.kind === 'other' && (
        <p className="hint">{bytesText(file.data.size)}, not shown here. Download it to look at it.</p>
      )}
      {text !== null && draft === null && (
        <pre tabIndex={0}>{text === '' ? <span className="hint">It is empty.</span> : text}</pre>
      )}
      {draft !== null && (
        <>
          <textarea
            className="mono"
            aria-label={`Content of ${path}`}
            rows={18}
            spellCheck={false}
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
          />
          <div className="actions end">
            <button type="button" onClick={() => setDraft(null)}>
              Cancel
            </button>
            <button type="button" className="primary" onClick={() => void save()}>
              Save
            </button>
          </div>
        </>
      )}
      {deleting && (
        <Confirm
          title={`Delete ${path}?`}
          text="It is gone for good."
          action="Delete"
          run={async () => {
            await call('DELETE', at(''));
            onChanged();
            onClose();
          }}
          onClose={() => setDeleting(false)}
        />
      )}
    </section>
  );
}

function shownOf(bytes: ArrayBuffer): Shown {
  if (bytes.byteLength > mostShown) return { kind: 'other', size: bytes.byteLength };
  try {
    return { kind: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { kind: 'other', size: bytes.byteLength };
  }
}
