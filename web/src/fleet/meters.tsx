import type { ReactNode } from 'react';
import { bytesText } from '../lib/format';
import type { Member } from '../lib/types';

/** What an agent uses, as cells of the fleet's table. */
export function Meters({ agent }: { readonly agent: Member }): ReactNode {
  const { cpu_percent: cpu, memory_used_bytes: used, memory_limit_bytes: limit, context_percent: context } = agent;
  return (
    <>
      <div role="cell" className="cell-cpu number">
        {cpu === null ? (
          <Nothing />
        ) : (
          <Meter label="CPU" text={`${cpu.toFixed(cpu < 10 ? 1 : 0)} %`} share={cpu / 100} />
        )}
      </div>
      <div role="cell" className="cell-memory number">
        {used === null ? <Nothing /> : <Meter label="Memory" text={bytesText(used)} share={limit ? used / limit : 0} />}
      </div>
      <div role="cell" className="cell-context number">
        {context === null ? (
          <Nothing />
        ) : (
          <Meter label="Context" text={`${Math.round(context)} %`} share={context / 100} />
        )}
      </div>
    </>
  );
}

const Nothing = (): ReactNode => (
  <span className="nothing" aria-label="not known">
    –
  </span>
);

interface MeterProps {
  readonly label: string;
  readonly text: string;
  /** 0 to 1. */
  readonly share: number;
}

export function Meter({ label, text, share }: MeterProps): ReactNode {
  const percent = Math.max(0, Math.min(100, share * 100));
  return (
    <span className="meter" data-level={percent > 90 ? 'high' : percent > 70 ? 'raised' : 'normal'}>
      <span className="meter-label">{label}</span>
      <span>{text}</span>
      <span className="meter-bar" aria-hidden="true">
        <span style={{ width: `${percent}%` }} />
      </span>
    </span>
  );
}
