import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { KeyRound } from 'lucide-react';
import { type ReactNode, type SubmitEvent, useState } from 'react';
import { agentPath, call, get } from '../lib/api';
import { bytesText, counted, timeText } from '../lib/format';
import type { Agent } from '../lib/types';
import { Field } from '../ui/field';
import { Failure, Notice } from '../ui/notice';

interface Kept {
  readonly exists: boolean;
  readonly size?: number;
  readonly modified?: string;
}
interface CredentialsStatus {
  readonly files?: Readonly<Record<string, Kept>>;
  readonly credential_count?: number;
  readonly message?: string;
}
interface Told {
  readonly message?: string;
  readonly files_exported?: number;
  readonly encrypted_file?: string;
}

/** Files with secrets: put into the agent, sealed into a bundle, and unpacked again. Their contents are never shown. */
export function Credentials({ agent, owns }: { readonly agent: Agent; readonly owns: boolean }): ReactNode {
  const { name, status } = agent;
  const client = useQueryClient();
  const [path, setPath] = useState('.env');
  const [content, setContent] = useState('');
  const running = status === 'running';
  const known = useQuery({
    queryKey: ['agent', name, 'credentials', running],
    queryFn: ({ signal }) => get<CredentialsStatus>(agentPath(name, '/credentials/status'), signal),
  });
  const act = useMutation({
    mutationFn: ({ what, json }: { what: string; json?: object }) =>
      call<Told>('POST', agentPath(name, `/credentials/${what}`), json ? { json } : {}),
    onSuccess: (_, { what }) => {
      if (what === 'inject') setContent('');
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['agent', name, 'credentials'] }),
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    act.mutate({ what: 'inject', json: { files: { [path.trim()]: content } } });
  };
  const files = Object.entries(known.data?.files ?? {}).filter(([, file]) => file.exists);
  return (
    <section className="card" aria-labelledby="credentials">
      <h2 id="credentials">Credentials</h2>
      {!running && <p className="hint">Start the agent to see and change its credentials.</p>}
      {running && known.data && (
        <p className="hint">
          {known.data.credential_count ? counted(known.data.credential_count, 'value') : 'No values'} in .env
        </p>
      )}
      {files.length > 0 && (
        <ul className="rows">
          {files.map(([file, { size, modified }]) => (
            <li key={file}>
              <code>{file}</code>
              <span className="hint">
                {bytesText(size ?? 0)}, {timeText(modified)}
              </span>
            </li>
          ))}
        </ul>
      )}
      {running && owns && (
        <form onSubmit={submit}>
          <Field label="File" hint="Such as .env, .mcp.json or deploy.pem; written whole, readable by the agent only.">
            <input
              required
              autoCapitalize="none"
              autoComplete="off"
              value={path}
              onChange={(event) => setPath(event.target.value)}
            />
          </Field>
          <Field label="Content">
            <textarea
              rows={4}
              required
              className="mono"
              autoComplete="off"
              spellCheck={false}
              placeholder="API_TOKEN=…"
              value={content}
              onChange={(event) => setContent(event.target.value)}
            />
          </Field>
          <Failure error={act.error ?? known.error} />
          {act.isSuccess && <Notice kind="info">{toldOf(act.data)}</Notice>}
          <div className="actions">
            <button type="submit" className="primary" disabled={act.isPending}>
              <KeyRound aria-hidden size={15} /> Put in place
            </button>
            <button type="button" disabled={act.isPending} onClick={() => act.mutate({ what: 'export' })}>
              Seal into a bundle
            </button>
            <button type="button" disabled={act.isPending} onClick={() => act.mutate({ what: 'import' })}>
              Unpack the bundle
            </button>
          </div>
        </form>
      )}
    </section>
  );
}

const toldOf = ({ message, files_exported: count, encrypted_file: file }: Told): string =>
  message ?? (count === undefined ? 'Done.' : `${counted(count, 'file')} sealed into ${file ?? 'the bundle'}.`);
