import type { Row } from './core/bench.js';

interface KnownMiss {
  readonly id: string;
  /** In the row's name. */
  readonly what: RegExp;
  readonly why: string;
}

/**
 * Bars that are missed, with what a profile says about it. They are measured, shown as missed and published, and do not fail
 * the run; docs/benchmarks.md tells more. A bar that holds again should lose its line.
 */
const knownMisses: readonly KnownMiss[] = [
  {
    id: 'P6',
    what: /embedded/,
    why: 'each query runs in PostgreSQL compiled to WebAssembly, in one thread: 0.2 ms and more of CPU each, twice for a request',
  },
  {
    id: 'P6',
    what: /postgres/,
    why: 'two queries for a request, one for the caller and one for the agent; the contract reads the caller on every request',
  },
  {
    id: 'P6b',
    what: /./,
    why: 'who calls is read on every request, so that role changes act at once (contract); one query costs more than the bar',
  },
  {
    id: 'P7',
    what: /list of (10|100)\b/,
    why: 'a fixed cost of a request (sign-in, routing, validation, one more query) weighs most on short lists; long lists hold their bar',
  },
  {
    id: 'P8',
    what: /stats of 50 agents/,
    why: '500 requests a second of which each reads caller and agent from the embedded database: one thread is full before',
  },
  {
    id: 'P15',
    what: /inside the container/,
    why: 'two Perl programs (files and commands as the agent, journal as root) of 4 to 5 MB each',
  },
  {
    id: 'P16',
    what: /ready, empty/,
    why: 'most of the time is loading modules: ORM, OpenAPI, validation, Docker client; Node 20 keeps no compiled code between starts',
  },
  {
    id: 'P17',
    what: /./,
    why: 'the local engine finds ends of processes by looking at /proc each second; containers of Docker tell theirs themselves',
  },
  {
    id: 'P4',
    what: /./,
    why: 'the wish is stored, the engine asked, its state read and stored again, and the audit written, before the answer is given',
  },
  {
    id: 'P2',
    what: /./,
    why: 'two channels are opened by an exec each (50 to 80 ms on this engine), where the reference runs one',
  },
  {
    id: 'P11',
    what: /./,
    why: 'all pieces go through the embedded database on the same cores as the agents that speak',
  },
];

/** The row with its known reasons: whoever misses one of these bars does not fail the run. */
export function explained(row: Row): Row {
  const known = knownMisses.find(({ id, what }) => id === row.id && what.test(row.what));
  if (!known) return row;
  return { ...row, bars: row.bars.map((bar) => ({ ...bar, known: bar.known ?? known.why })) };
}
