import '@xterm/xterm/css/xterm.css';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import { RotateCw } from 'lucide-react';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { Agent } from '../lib/types';
import { Empty, Notice } from '../ui/notice';
import { TerminalConnection, type TerminalState } from './connection';
import { keepStylesStrict } from './strict-styles';

/** A shell in the agent's home, for those who own it. It ends when one leaves it. */
export default function TerminalTab({ agent }: { readonly agent: Agent }): ReactNode {
  const [attempt, setAttempt] = useState(1);
  if (agent.status !== 'running') return <Empty title="Start the agent to open a terminal in it" />;
  return <Shell key={attempt} name={agent.name} onAgain={() => setAttempt(attempt + 1)} />;
}

function Shell({ name, onAgain }: { readonly name: string; readonly onAgain: () => void }): ReactNode {
  const [state, setState] = useState<TerminalState>({ is: 'connecting' });
  const box = useRef<HTMLDivElement>(null);
  const bar = useRef<HTMLDivElement>(null);
  useEffect(() => (box.current ? shown(name, box.current, setState, () => bar.current?.focus()) : undefined), [name]);
  return (
    <div className="panel">
      <div className="panel-bar" ref={bar} tabIndex={-1}>
        <span role="status">{state.is === 'open' ? 'Connected' : state.is === 'ended' ? 'Ended' : 'Connecting'}</span>
        {state.is === 'ended' && (
          <button type="button" autoFocus onClick={onAgain}>
            <RotateCw aria-hidden size={14} /> Reconnect
          </button>
        )}
        <span className="hint">F6 leaves the terminal by keyboard. What runs in it ends with it.</span>
      </div>
      {state.is === 'ended' && <Notice kind={state.failed ? 'error' : 'info'}>{state.why}</Notice>}
      <div className="terminal-box" ref={box} role="group" aria-label={`Terminal in ${name}`} />
    </div>
  );
}

/** Draws a terminal in a box and connects it; answers what ends both. */
function shown(name: string, box: HTMLElement, onState: (state: TerminalState) => void, leave: () => void): () => void {
  const looks = getComputedStyle(box);
  const { backgroundColor: background, color: foreground, fontFamily } = looks;
  const terminal = new Terminal({
    theme: { background, foreground, cursor: foreground },
    fontFamily,
    fontSize: 13,
    scrollback: 5000,
    cursorBlink: true,
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  const endStrictStyles = keepStylesStrict();
  terminal.open(box);
  fit.fit();
  const connection = new TerminalConnection(name, terminal, {
    onState: (state) => {
      terminal.options.disableStdin = state.is === 'ended';
      if (state.is === 'ended') terminal.options.cursorBlink = false;
      onState(state);
    },
    onOutput: (bytes) => terminal.write(bytes),
  });
  terminal.onData((text) => connection.type(text));
  terminal.onBinary((text) => connection.send(Uint8Array.from(text, (letter) => letter.charCodeAt(0))));
  terminal.onResize((size) => connection.resize(size));
  // Every other key is the shell's, also Tab: without this nobody gets out by keyboard.
  terminal.attachCustomKeyEventHandler((event) => {
    if (event.key !== 'F6') return true;
    event.preventDefault();
    if (event.type === 'keydown') leave();
    return false;
  });
  const watch = new ResizeObserver(() => fit.fit());
  watch.observe(box);
  terminal.focus();
  return () => {
    watch.disconnect();
    connection.close();
    terminal.dispose();
    endStrictStyles();
  };
}
