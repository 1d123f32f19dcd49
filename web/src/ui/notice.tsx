import { AlertTriangle, Info } from 'lucide-react';
import type { ReactNode } from 'react';
import { messageOf } from '../lib/http';

/** A sentence that has to be seen: what went wrong, or what to know. */
export function Notice({
  kind,
  children,
}: {
  readonly kind: 'error' | 'info';
  readonly children: ReactNode;
}): ReactNode {
  const Icon = kind === 'error' ? AlertTriangle : Info;
  return (
    <div className={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      <Icon aria-hidden size={16} />
      <div>{children}</div>
    </div>
  );
}

/** The sentence of a failure; nothing while there is none. */
export function Failure({ error }: { readonly error: unknown }): ReactNode {
  return error === null || error === undefined ? null : <Notice kind="error">{messageOf(error)}</Notice>;
}

/** What to do next where nothing is yet. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}
