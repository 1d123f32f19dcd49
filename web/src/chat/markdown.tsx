import { memo, type ReactNode } from 'react';
import ReactMarkdown, { type Components } from 'react-markdown';
import rehypeSanitize from 'rehype-sanitize';
import remarkGfm from 'remark-gfm';

// Pictures would be asked from anywhere with what the agent puts into their address, so only their words are shown.
const components: Components = {
  a: ({ href, children }) => (
    <a
      href={href}
      className={children === href ? 'bare' : undefined}
      target="_blank"
      rel="noopener noreferrer nofollow"
    >
      {children}
    </a>
  ),
  img: ({ alt }) => <span className="hint">[picture: {alt}]</span>,
  table: ({ children }) => (
    <div className="scroll-x" tabIndex={0}>
      <table>{children}</table>
    </div>
  ),
};

/** What an agent says: Markdown without HTML, sanitised once more. */
export const Markdown = memo(({ text }: { readonly text: string }): ReactNode => (
  <div className="markdown">
    <ReactMarkdown remarkPlugins={[remarkGfm]} rehypePlugins={[rehypeSanitize]} components={components}>
      {text}
    </ReactMarkdown>
  </div>
));
Markdown.displayName = 'Markdown';
