import { Check, FilePen, FileText, Globe, LoaderCircle, Terminal, Wrench, X } from 'lucide-react';
import { memo, type ReactNode } from 'react';
import { pretty } from '../lib/format';
import { Contents } from './contents';
import type { ToolItem } from './transcript';

const icons = {
  edit: FilePen,
  delete: FilePen,
  move: FilePen,
  read: FileText,
  execute: Terminal,
  fetch: Globe,
} as const;
const iconOf = (kind: string): typeof Wrench => icons[kind as keyof typeof icons] ?? Wrench;

const words: Readonly<Record<string, string>> = {
  pending: 'waiting',
  in_progress: 'running',
  completed: 'done',
  failed: 'failed',
};

/** One tool an agent used: what it was given, what came of it. */
export const ToolCard = memo(({ tool }: { readonly tool: ToolItem }): ReactNode => {
  const Icon = iconOf(tool.kind);
  const output = outputOf(tool);
  return (
    <details className="tool" data-status={tool.status}>
      <summary>
        <Icon aria-hidden size={15} />
        <span className="tool-title">{tool.title}</span>
        <span className="tool-state">
          <StateIcon status={tool.status} />
          {words[tool.status] ?? tool.status}
        </span>
      </summary>
      <div className="tool-body">
        <Contents content={tool.content.filter(({ type }) => type === 'diff')} />
        {tool.input !== null && (
          <>
            <h4>Input</h4>
            <pre tabIndex={0}>{pretty(tool.input)}</pre>
          </>
        )}
        {output !== '' && (
          <>
            <h4>Output</h4>
            <pre tabIndex={0}>{output}</pre>
          </>
        )}
      </div>
    </details>
  );
});
ToolCard.displayName = 'ToolCard';

function StateIcon({ status }: { readonly status: string }): ReactNode {
  if (status === 'completed') return <Check aria-hidden size={14} />;
  if (status === 'failed') return <X aria-hidden size={14} />;
  return <LoaderCircle aria-hidden size={14} className="spin" />;
}

/** Runtimes give output as text, as an object with a text, or as shown content. */
function outputOf({ output, content }: ToolItem): string {
  const inner: unknown = typeof output === 'object' && output !== null ? Reflect.get(output, 'output') : output;
  if (typeof inner === 'string') return inner;
  if (output !== null && output !== undefined) return pretty(output);
  return content.flatMap((part) => (typeof part.content?.text === 'string' ? [part.content.text] : [])).join('\n');
}
