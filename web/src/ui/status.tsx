import type { ReactNode } from 'react';
import { stateWord } from '../lib/format';

export const Status = ({ state }: { readonly state: string }): ReactNode => (
  <span className="status" data-state={state}>
    {stateWord(state)}
  </span>
);
