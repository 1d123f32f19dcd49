import type { ReactNode } from 'react';
import type { ShownContent } from '../lib/types';

/** Changes and texts that a runtime shows with a call. */
export function Contents({ content }: { readonly content: readonly ShownContent[] | null }): ReactNode {
  return (content ?? []).map((part, index) => <Part key={index} part={part} />);
}

function Part({ part }: { readonly part: ShownContent }): ReactNode {
  if (part.type === 'diff') {
    const lines = [...linesOf(part.oldText, 'removed', '− '), ...linesOf(part.newText, 'added', '+ ')];
    return (
      <figure className="diff">
        <figcaption>
          <code>{part.path}</code>
        </figcaption>
        <pre tabIndex={0} aria-label={`Change of ${part.path ?? 'a file'}`}>
          {lines}
        </pre>
      </figure>
    );
  }
  const text = part.content?.text;
  return typeof text === 'string' ? <pre tabIndex={0}>{text}</pre> : null;
}

function linesOf(text: string | null | undefined, kind: string, sign: string): ReactNode[] {
  if (!text) return [];
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line, index) => (
      <span key={`${kind}${index}`} className={kind}>
        {`${sign}${line}\n`}
      </span>
    ));
}
