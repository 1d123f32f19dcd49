import type { ReactNode } from 'react';
import type { ShownContent } from '../lib/types';
import { DiffPart } from './diff-part';

/** Changes and texts that a runtime shows with a call. */
export function Contents({ content }: { readonly content: readonly ShownContent[] | null }): ReactNode {
  return (content ?? []).map((part, index) => <Part key={index} part={part} />);
}

function Part({ part }: { readonly part: ShownContent }): ReactNode {
  if (part.type === 'diff') return <DiffPart part={part} />;
  const text = part.content?.text;
  return typeof text === 'string' ? <pre tabIndex={0}>{text}</pre> : null;
}
