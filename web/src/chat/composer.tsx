import { Paperclip, SendHorizontal } from 'lucide-react';
import {
  type ChangeEvent,
  type ClipboardEvent,
  type KeyboardEvent,
  type ReactNode,
  type SubmitEvent,
  useId,
  useState,
} from 'react';
import { messageOf } from '../lib/http';
import { Notice } from '../ui/notice';
import { type Attach, AttachmentList, useAttachments, useDropped, withFiles } from './attachments';

interface Props {
  readonly name: string;
  readonly enabled: boolean;
  /** Rejects when the server did not take it. */
  readonly onSend: (text: string) => Promise<unknown>;
  /** Where files may go along: dropped, pasted or chosen. */
  readonly onAttach?: Attach;
}

/** Where messages are written. What the server did not take is given back. */
export function Composer({ name, enabled, onSend, onAttach }: Props): ReactNode {
  const id = useId();
  const [text, setText] = useState('');
  const [error, setError] = useState<unknown>(null);
  const files = useAttachments(onAttach);
  const over = useDropped(onAttach && enabled ? files.add : null);
  const arrived = files.list.some(({ path }) => path !== null);
  const ready = enabled && !files.busy && (text.trim() !== '' || arrived);
  const send = (): void => {
    if (!ready) return;
    const message = withFiles(text.trim(), files.take());
    setText('');
    setError(null);
    onSend(message).catch((failure: unknown) => {
      setError(failure);
      setText((now) => (now === '' ? message : now));
    });
  };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    send();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  const onPaste = (event: ClipboardEvent): void => {
    if (!onAttach || event.clipboardData.files.length === 0) return;
    event.preventDefault();
    files.add(event.clipboardData.files);
  };
  const onChoose = ({ target }: ChangeEvent<HTMLInputElement>): void => {
    files.add([...(target.files ?? [])]);
    target.value = '';
  };
  return (
    <form className="composer" onSubmit={submit}>
      {error !== null && <Notice kind="error">{messageOf(error)}</Notice>}
      <AttachmentList files={files} />
      <label htmlFor={id} className="sr-only">
        Message to {name}
      </label>
      <div className={over ? 'composer-box dropping' : 'composer-box'}>
        {onAttach && (
          <label className="attach" title="Attach files">
            <input
              type="file"
              multiple
              className="sr-only"
              aria-label="Attach files"
              disabled={!enabled}
              onChange={onChoose}
            />
            <Paperclip aria-hidden size={16} />
          </label>
        )}
        <textarea
          id={id}
          rows={2}
          placeholder={enabled ? `Message ${name}` : `${name} must run to take a message`}
          value={text}
          aria-describedby={`${id}-keys`}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKey}
          onPaste={onPaste}
        />
        <button type="submit" className="primary" disabled={!ready} aria-label="Send">
          <SendHorizontal aria-hidden size={16} />
        </button>
      </div>
      <p className="hint" id={`${id}-keys`}>
        {over ? 'Drop files to send them along.' : 'Enter sends, Shift+Enter begins a new line.'}
      </p>
    </form>
  );
}
