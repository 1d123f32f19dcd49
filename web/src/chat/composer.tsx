import { SendHorizontal } from 'lucide-react';
import { type SubmitEvent, type KeyboardEvent, type ReactNode, useId, useState } from 'react';
import { messageOf } from '../lib/http';
import { Notice } from '../ui/notice';

interface Props {
  readonly name: string;
  readonly enabled: boolean;
  /** Rejects when the server did not take it. */
  readonly onSend: (text: string) => Promise<unknown>;
}

/** Where messages are written. What the server did not take is given back. */
export function Composer({ name, enabled, onSend }: Props): ReactNode {
  const id = useId();
  const [text, setText] = useState('');
  const [error, setError] = useState<unknown>(null);
  const send = (): void => {
    const message = text.trim();
    if (message === '' || !enabled) return;
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
  return (
    <form className="composer" onSubmit={submit}>
      {error !== null && <Notice kind="error">{messageOf(error)}</Notice>}
      <label htmlFor={id} className="sr-only">
        Message to {name}
      </label>
      <div className="composer-box">
        <textarea
          id={id}
          rows={2}
          placeholder={enabled ? `Message ${name}` : `${name} must run to take a message`}
          value={text}
          aria-describedby={`${id}-keys`}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={onKey}
        />
        <button type="submit" className="primary" disabled={!enabled || text.trim() === ''} aria-label="Send">
          <SendHorizontal aria-hidden size={16} />
        </button>
      </div>
      <p className="hint" id={`${id}-keys`}>
        Enter sends, Shift+Enter begins a new line.
      </p>
    </form>
  );
}
