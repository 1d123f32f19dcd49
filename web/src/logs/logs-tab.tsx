import { Download, WrapText } from 'lucide-react';
import { type ReactNode, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { type ApiError, consolePath, send } from '../lib/api';
import { followStream } from '../lib/event-stream';
import type { Agent } from '../lib/types';
import { Failure } from '../ui/notice';

/** What a browser shows well at once; older lines go first. */
const mostCharacters = 1_000_000;
// Colours and cursor moves of terminals say nothing here.
const escapes = new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[ -/]*[@-~]`, 'g');

interface Output {
  readonly text: string;
  readonly state: string;
}

/** Output of the container as it comes. */
export function LogsTab({ agent }: { readonly agent: Agent }): ReactNode {
  const { name } = agent;
  const [output, setOutput] = useState<Output>({ text: '', state: 'Connecting' });
  const [refused, setRefused] = useState<ApiError | null>(null);
  const [search, setSearch] = useState('');
  const [follow, setFollow] = useState(true);
  const [wrap, setWrap] = useState(true);
  const box = useRef<HTMLPreElement>(null);

  useEffect(
    () =>
      followStream(send, consolePath(name, '/logs/stream'), {
        onEvent: (event, data) =>
          setOutput((before) => taken(before, event, data as Readonly<Record<string, unknown>>)),
        onConnected: (connected) => {
          if (!connected) setOutput((before) => ({ ...before, state: 'Reconnecting' }));
        },
        onRefused: setRefused,
      }),
    [name],
  );
  const shown = useMemo(() => found(output.text, search), [output.text, search]);
  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [shown, follow]);

  const download = (): void => {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([output.text], { type: 'text/plain' }));
    link.download = `${name}.log`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <div className="panel logs">
      <div className="panel-bar">
        <input
          type="search"
          aria-label="Find in logs"
          placeholder="Find"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <label className="check">
          <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.target.checked)} /> Follow
        </label>
        <button type="button" className="quiet" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>
          <WrapText aria-hidden size={15} /> Wrap
        </button>
        <button type="button" className="quiet" onClick={download}>
          <Download aria-hidden size={15} /> Download
        </button>
        <span className="hint" role="status">
          {output.state}
        </span>
      </div>
      <Failure error={refused} />
      <pre ref={box} className={wrap ? 'log' : 'log unwrapped'} tabIndex={0} aria-label={`Logs of ${name}`}>
        {shown === '' ? <span className="hint">{search === '' ? 'No output yet.' : 'No line has this.'}</span> : shown}
      </pre>
    </div>
  );
}

function taken(before: Output, event: string, data: Readonly<Record<string, unknown>>): Output {
  switch (event) {
    case 'start':
      return { text: '', state: 'Live' };
    case 'text':
      return { text: (before.text + String(data['text']).replace(escapes, '')).slice(-mostCharacters), state: 'Live' };
    case 'skipped':
      return { ...before, text: `${before.text}\n[${String(data['characters'])} characters were left out]\n` };
    case 'waiting':
      return { ...before, state: data['reason'] === 'stopped' ? 'Stopped' : 'The engine does not answer' };
    default:
      return before;
  }
}

function found(text: string, search: string): string {
  if (search === '') return text;
  const wanted = search.toLowerCase();
  return text
    .split('\n')
    .filter((line) => line.toLowerCase().includes(wanted))
    .join('\n');
}
