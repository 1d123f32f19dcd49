import { channel } from 'node:diagnostics_channel';

const steps = channel('flotilla:step');

/**
 * Names the gap between two steps of something that must survive a crash in between. Costs a check of one flag; only the
 * chaos tests listen, and kill the process here (test/chaos/rig/crash-at.cjs).
 */
export function crashPoint(name: string): void {
  if (steps.hasSubscribers) steps.publish(name);
}
