import { LoaderCircle, Paperclip, X } from 'lucide-react';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import { messageOf } from '../lib/http';

export interface Attachment {
  readonly id: number;
  readonly name: string;
  /** Where the agent finds it; null while it is on its way, or when it was refused. */
  readonly path: string | null;
  readonly error: string | null;
}

export interface Attachments {
  readonly list: readonly Attachment[];
  /** Something is still on its way. */
  readonly busy: boolean;
  readonly add: (files: Iterable<File>) => void;
  remove(id: number): void;
  /** Takes the paths of what arrived, and forgets all. */
  take(): readonly string[];
}

/** Stores a file for the agent, and answers where it lies. */
export type Attach = (file: File) => Promise<string>;

/** Files that go with the next message: they are stored at once, one after the other. */
export function useAttachments(attach: Attach | undefined): Attachments {
  const [list, setList] = useState<readonly Attachment[]>([]);
  const last = useRef(0);
  const queue = useRef<Promise<unknown>>(Promise.resolve());
  const add = useCallback(
    (files: Iterable<File>): void => {
      if (!attach) return;
      for (const file of files) {
        const id = (last.current += 1);
        setList((before) => [...before, { id, name: file.name, path: null, error: null }]);
        const settle = (change: Partial<Attachment>): void =>
          setList((before) => before.map((one) => (one.id === id ? { ...one, ...change } : one)));
        queue.current = queue.current
          .then(() => attach(file))
          .then(
            (path) => settle({ path }),
            (error: unknown) => settle({ error: messageOf(error) }),
          );
      }
    },
    [attach],
  );
  return {
    list,
    busy: list.some(({ path, error }) => path === null && error === null),
    add,
    remove: (id) => setList((before) => before.filter((one) => one.id !== id)),
    take() {
      setList([]);
      return list.flatMap(({ path }) => (path === null ? [] : [path]));
    },
  };
}

/** Files that are dropped anywhere on the page. True while some are held over it. */
export function useDropped(onFiles: ((files: Iterable<File>) => void) | null): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    if (!onFiles) return;
    const holds = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true;
    const drag = (event: DragEvent): void => {
      if (!holds(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      if (!holds(event)) return;
      event.preventDefault();
      setOver(false);
      onFiles(event.dataTransfer?.files ?? []);
    };
    document.addEventListener('dragover', drag);
    document.addEventListener('dragleave', leave);
    document.addEventListener('drop', drop);
    return () => {
      document.removeEventListener('dragover', drag);
      document.removeEventListener('dragleave', leave);
      document.removeEventListener('drop', drop);
    };
  }, [onFiles]);
  return over;
}

/** What goes along with the next message. */
export function AttachmentList({ files }: { readonly files: Attachments }): ReactNode {
  if (files.list.length === 0) return null;
  return (
    <ul className="attachments" aria-label="Files for the next message">
      {files.list.map(({ id, name, path, error }) => (
        <li key={id} className={error === null ? undefined : 'error-text'}>
          {path === null && error === null ? (
            <LoaderCircle aria-label="on its way" size={14} className="spin" />
          ) : (
            <Paperclip aria-hidden size={14} />
          )}
          <span>
            {name}
            {error !== null && `: ${error}`}
          </span>
          <button type="button" className="quiet" aria-label={`Without ${name}`} onClick={() => files.remove(id)}>
            <X aria-hidden size={14} />
          </button>
        </li>
      ))}
    </ul>
  );
}

/** The message as the agent gets it: the files are named at its end. */
export function withFiles(text: string, paths: readonly string[]): string {
  if (paths.length === 0) return text;
  const named = `${paths.length === 1 ? 'File' : 'Files'}: ${paths.join(', ')}`;
  return text === '' ? named : `${text}\n\n${named}`;
}
