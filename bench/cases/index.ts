import type { Bench } from '../core/bench.js';
import { timeToInteractive } from './p01-tti.js';
import { lifecycle } from './p04-lifecycle.js';
import { execs } from './p05-exec.js';
import { readApi } from './p06-read.js';
import { authCost } from './p06b-auth.js';
import { listing } from './p07-listing.js';
import { fleetStats } from './p08-stats.js';
import { fanOut } from './p09-fanout.js';
import { chats } from './p11-chats.js';
import { files } from './p13-files.js';
import { terminals } from './p14-terminal.js';
import { footprint } from './p15-footprint.js';
import { startUp } from './p16-startup.js';
import { idleCost } from './p17-idle.js';

/** Every benchmark, in the order they run: idle cost comes before what leaves the fleet watched. */
export const benches: readonly Bench[] = [
  readApi,
  authCost,
  listing,
  fanOut,
  startUp,
  footprint,
  idleCost,
  fleetStats,
  chats,
  execs,
  files,
  terminals,
  lifecycle,
  timeToInteractive,
];
